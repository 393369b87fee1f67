"""A domain with one tool of each kind and nothing to decide: its threads walk through a fixed plan.

Its planner is simulated: it proposes the next step of the plan. A module as runtime/wiring.py expects one: `DOMAIN`,
`adapters` and `offline_model`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from core.actions import Proposal
from core.domain import Card, Explanation, PromptMessage, View
from core.tools import ToolSpec
from core.vocabulary import Idempotency, Tier

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from core.ports import Tool
    from runtime.settings import Settings

NAME: Final = "reliability"
TENANT: Final = "reliability"
CALL_SECONDS: Final = 10.0
QUERYABLE_SECONDS: Final = 4.0
"""Shorter than a lease, so that a takeover may ask at once."""
STALL_SECONDS: Final = 20.0
BRIEF_SECONDS: Final = 1.0

CARD: Final = Card(
    title="Reliability",
    trigger="the evaluation starts a thread",
    owner="whoever runs the evaluation",
    mandate="take the steps of the plan, each once",
    stop_rules=("the plan is done",),
    evidence=("the counts of the effect server",),
    handoffs={"unknown_effect": "the evaluation, which knows the counts"},
)


class Target(BaseModel):
    """What every tool here is called with. A target is used once, so that its effects can be counted."""

    target: str


class Receipt(BaseModel):
    """What every tool here answers."""

    receipt: str


def _spec(name: str, tier: Tier, idempotency: Idempotency) -> ToolSpec:
    return ToolSpec(
        name=name,
        summary=f"One {idempotency} effect." if tier != "read-only" else "Reads.",
        arguments=Target,
        result=Receipt,
        tier=tier,
        idempotency=idempotency,
        cost=1,
        timeout=CALL_SECONDS,
        attempts=2,
        produces="{target}",
        identity=_target,
    )


def _target(arguments: Mapping[str, Any]) -> str:
    return str(arguments["target"])


def as_confirmed(arguments: Mapping[str, Any], note: str) -> dict[str, Any]:
    """The result of a `send` of which a person says that it happened."""
    return {"receipt": note or _target(arguments)}


SPECS: Final = (
    _spec("look", "read-only", "idempotent"),
    replace(_spec("stall", "read-only", "idempotent"), timeout=STALL_SECONDS),
    replace(_spec("stall_briefly", "read-only", "idempotent"), timeout=BRIEF_SECONDS),
    _spec("put", "reversible", "idempotent"),
    replace(_spec("file", "reversible", "queryable"), timeout=QUERYABLE_SECONDS),
    _spec("note", "reversible", "local"),
    replace(_spec("send", "reversible", "unsafe"), when_confirmed=as_confirmed),
)
TOOLS: Final[Mapping[str, ToolSpec]] = MappingProxyType({spec.name: spec for spec in SPECS})
CLASSES: Final = ("look", "put", "file", "note", "send")
"""One tool of each class: read-only, idempotent, queryable, local, unsafe."""


@dataclass(frozen=True)
class ReliabilityDomain:
    """Implements core.domain.Domain. A task's `plan` is a list of {tool, target, asks}."""

    name: str = NAME
    card: Card = CARD
    tools: Mapping[str, ToolSpec] = field(default_factory=lambda: TOOLS)

    def prompts(self, task_type: str) -> Mapping[str, str]:
        return {}

    def reads(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return ()

    def next_actions(self, view: View) -> tuple[str, ...]:
        step = _next_step(view)
        return (step["tool"],) if step else ()

    def messages(self, view: View, offered: Sequence[str]) -> list[PromptMessage]:
        step = {"name": "step", "data": {**(_next_step(view) or {}), "server": view.task["server"]}}
        return [PromptMessage("material", json.dumps(step), "the plan")]

    def report_messages(self, proposal: Proposal) -> list[PromptMessage]:
        return []

    def situation(self, view: View, action: str) -> str:
        return action

    def explain(self, view: View, proposal: Proposal) -> Explanation:
        return Explanation(f"{proposal.action} {_target(proposal.arguments)}", "It takes effect once.")

    def reasons(self, view: View, proposal: Proposal) -> tuple[str, ...]:
        return ()

    def exports(self, view: View) -> Mapping[str, str]:
        return {}


def _next_step(view: View) -> Mapping[str, Any] | None:
    given_up = {item.get("arguments", {}).get("target") for item in view.feedback if item["kind"] == "abandoned"}
    return next((step for step in view.task["plan"] if step["target"] not in {*view.content, *given_up}), None)


DOMAIN: Final = ReliabilityDomain()


def adapters(settings: Settings) -> Mapping[str, Tool]:
    """Tool name -> adapter."""
    from evals.reliability import adapters as each

    return each.ADAPTERS


def offline_model() -> BaseChatModel:
    """The simulated planner."""
    from evals.reliability.planner import SimulatedPlanner

    return SimulatedPlanner.of_the_plan()
