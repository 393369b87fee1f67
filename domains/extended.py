"""A domain with further tools: those of MCP servers that the registry gives it. The domain does not know them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

from core.actions import Proposal
from core.canonical import canonical_json, storable
from core.domain import Card, Domain, Explanation, PromptMessage, View
from core.tools import ToolSpec

LONGEST_MATERIAL: Final = 20_000
"""Characters of one result that the planner is shown."""
PROMPT: Final = "extended.md"


@cache
def prompt() -> str:
    return (files("domains") / PROMPT).read_text("utf-8")


@dataclass(frozen=True)
class ExtendedDomain:
    """Implements core.domain.Domain over another. `off`: tools that are not offered now, and why."""

    inner: Domain
    more: Mapping[str, ToolSpec]
    origins: Mapping[str, str] = field(default_factory=dict)
    """Tool -> where it comes from, in words."""
    off: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def card(self) -> Card:
        return self.inner.card

    @property
    def tools(self) -> Mapping[str, ToolSpec]:
        return {**self.more, **self.inner.tools}

    def prompts(self, task_type: str) -> Mapping[str, str]:
        return {PROMPT: prompt()} if task_type in self.more else self.inner.prompts(task_type)

    def reads(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return self.inner.reads(content)

    def next_actions(self, view: View) -> tuple[str, ...]:
        """The further tools come last, and only while the domain has something left to do."""
        actions = self.inner.next_actions(view)
        further = (name for name in self.more if name not in self.off and name not in view.declined)
        return (*actions, *further) if actions else ()

    def messages(self, view: View, offered: Sequence[str]) -> list[PromptMessage]:
        own = [name for name in offered if name not in self.more]
        further = [name for name in offered if name in self.more]
        told = self.inner.messages(view, own or self.inner.next_actions(view))
        if further:
            text = prompt().replace("{offered}", ", ".join(f"`{name}`" for name in further))
            # After the domain's own instructions, before any material.
            told.insert(1, PromptMessage("system", text))
        return [*told, *self._materials(view)]

    def _materials(self, view: View) -> Iterator[PromptMessage]:
        for name in self.more:
            if name in view.content:
                said = storable(view.content[name])
                text = canonical_json(said)
                data = said if len(text) <= LONGEST_MATERIAL else {"beginning": text[:LONGEST_MATERIAL]}
                body = json.dumps({"name": name, "data": data}, ensure_ascii=False, allow_nan=False)
                yield PromptMessage("material", body, self.origins.get(name, name), "untrusted")

    def report_messages(self, proposal: Proposal) -> list[PromptMessage]:
        return self.inner.report_messages(proposal)

    def situation(self, view: View, action: str) -> str:
        return self.inner.situation(view, action)

    def explain(self, view: View, proposal: Proposal) -> Explanation:
        if proposal.action not in self.more:
            return self.inner.explain(view, proposal)
        where = self.origins.get(proposal.action, "")
        given = json.dumps(storable(proposal.arguments), ensure_ascii=False)
        will = f"call {proposal.action} of {where}. That server sees the arguments and does what it does with them."
        return Explanation(f"{proposal.action}: {given}", will)

    def reasons(self, view: View, proposal: Proposal) -> tuple[str, ...]:
        return () if proposal.action in self.more else self.inner.reasons(view, proposal)

    def exports(self, view: View) -> Mapping[str, str]:
        return self.inner.exports(view)
