"""What a domain tells the runtime. The runtime knows no keyword, no article and no refund."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Final, Literal, Protocol

from core.actions import Proposal
from core.canonical import storable
from core.errors import BadInput
from core.tools import ToolSpec
from core.vocabulary import FailureClass, Trust, members

Role = Literal["system", "task", "material", "feedback"]


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """One message to the model. Only `system` is an instruction; the rest is quoted, with its source, or a task."""

    role: Role
    text: str
    source: str = ""
    trust: Trust = "trusted"


FEEDBACK_TRUST: Final[Mapping[str, Trust]] = {
    "rejected": "person",
    "answer": "person",
    "handed_back": "person",
    "invalid": "trusted",
    "denied": "trusted",
}
"""Kind of feedback -> who says it. Any other, such as a failed call's, may repeat what the far side wrote."""


def feedback_message(item: Mapping[str, Any]) -> PromptMessage:
    """One item of the state's feedback as the planner is told it."""
    kind = str(item.get("kind", ""))
    text = json.dumps(storable(dict(item)), ensure_ascii=False, allow_nan=False)
    return PromptMessage("feedback", text, kind, FEEDBACK_TRUST.get(kind, "untrusted"))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A kind of request that is declined: what it is, and the phrases that give it away (any of them, whole words)."""

    what: str
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """The mandate in a form that can be held against a call."""

    tools: frozenset[str] | None = None
    """Tools that belong to it; None: every tool that the domain declares."""
    own: Mapping[str, str] = field(default_factory=dict)
    """Argument -> the field of the task that it must equal wherever a tool takes it, such as `site`."""
    refusals: tuple[Refusal, ...] = ()
    request: tuple[str, ...] = ()
    """Fields of the task that say what is asked for."""
    outside: frozenset[str] = frozenset()
    """Fields of the task that someone outside wrote, such as a customer's mail: untrusted from the start."""
    decline: str = "This is outside of what I am here for, so I leave it to a person."
    """What is said to whoever asked."""


@dataclass(frozen=True, slots=True)
class Card:
    """The workflow card. A domain without every field does not load."""

    title: str
    trigger: str
    owner: str
    mandate: str
    stop_rules: tuple[str, ...]
    evidence: tuple[str, ...]
    handoffs: Mapping[str, str]
    scope: Scope = Scope()
    """What `mandate` says, for the policy check."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Name of a limit -> its figure, where this workflow needs another one than the usual."""
    unit: str = "task"
    """What one task is, in a noun such as `keyword`."""


def refuse_without_card(domain: Domain) -> None:
    """Raises BadInput for a domain whose card lacks a field, or hands over what is no failure class."""
    card = getattr(domain, "card", None)
    if not isinstance(card, Card):
        raise BadInput(
            f"The domain {domain.name} has no workflow card; it says trigger, owner, stop rules and handoffs."
        )
    asked = [each.name for each in fields(Card) if each.default is MISSING and each.default_factory is MISSING]
    empty = [name for name in asked if not getattr(card, name)]
    if empty:
        raise BadInput(f"The workflow card of {domain.name} does not say: {', '.join(empty)}.")
    if unknown := sorted(card.handoffs.keys() - set(members(FailureClass))):
        raise BadInput(f"The workflow card of {domain.name} hands over {unknown[0]}, which is no failure class.")


@dataclass(frozen=True, slots=True)
class View:
    """All a domain may look at: the task, and the content behind each result reference."""

    task: Mapping[str, Any]
    content: Mapping[str, Any] = field(default_factory=dict)
    """Result name -> its JSON."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 -> text, for the artifacts that results point to."""
    feedback: Sequence[Mapping[str, Any]] = ()
    declined: Sequence[str] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Result name -> SHA-256 of its artifact."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A proposal in a reader's words."""

    proposed: str
    approving_will: str
    evidence: tuple[Mapping[str, str], ...] = ()
    """Each: label, source, trust."""
    claims: tuple[Mapping[str, str], ...] = ()
    """What the proposed text says: text, standing (verified in its source, asserted, uncited), source."""


class Domain(Protocol):
    """A folder in domains/; pure."""

    @property
    def name(self) -> str: ...
    @property
    def card(self) -> Card: ...
    @property
    def tools(self) -> Mapping[str, ToolSpec]: ...

    def prompts(self, task_type: str) -> Mapping[str, str]:
        """Prompt files used for `task_type`: name -> text. Part of its behaviour version."""
        ...

    def reads(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        """SHA-256 of the texts behind `content` that the other methods want to see."""
        ...

    def next_actions(self, view: View) -> tuple[str, ...]:
        """Tools that make sense now, most useful first; empty when the work is done."""
        ...

    def messages(self, view: View, offered: Sequence[str]) -> list[PromptMessage]:
        """What the planner is told for its next proposal."""
        ...

    def report_messages(self, proposal: Proposal) -> list[PromptMessage]:
        """The further messages that ask the model how sure it is of `proposal`."""
        ...

    def situation(self, view: View, action: str) -> str:
        """The task in words, for comparing it with past tasks of that type."""
        ...

    def explain(self, view: View, proposal: Proposal) -> Explanation:
        """What is proposed and what approving it will do, for a person."""
        ...

    def reasons(self, view: View, proposal: Proposal) -> tuple[str, ...]:
        """What in the evidence makes this decision hard, in words; may be empty."""
        ...

    def exports(self, view: View) -> Mapping[str, str]:
        """Files to show the work so far: relative path -> text."""
        ...
