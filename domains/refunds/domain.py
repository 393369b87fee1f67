"""The refund desk as a domain: one object that the runtime talks to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.actions import Proposal
from core.domain import Card, Explanation, PromptMessage, View
from core.tools import ToolSpec
from domains.refunds import brief, explain, messages, progress
from domains.refunds.card import CARD
from domains.refunds.situation import situation
from domains.refunds.tools import TOOLS


@dataclass(frozen=True)
class RefundsDomain:
    """Implements core.domain.Domain; every method is a pure function of its arguments."""

    name: str = "refunds"
    card: Card = CARD
    tools: Mapping[str, ToolSpec] = field(default_factory=lambda: TOOLS)

    def prompts(self, task_type: str) -> Mapping[str, str]:
        return messages.prompts(task_type)

    def reads(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return ()

    def next_actions(self, view: View) -> tuple[str, ...]:
        return progress.next_actions(view)

    def messages(self, view: View, offered: Sequence[str]) -> list[PromptMessage]:
        return messages.messages(view, offered)

    def report_messages(self, proposal: Proposal) -> list[PromptMessage]:
        return messages.report_messages(proposal)

    def situation(self, view: View, action: str) -> str:
        return situation(view, action)

    def explain(self, view: View, proposal: Proposal) -> Explanation:
        return explain.explain(view, proposal)

    def reasons(self, view: View, proposal: Proposal) -> tuple[str, ...]:
        return explain.reasons(view, proposal)

    def exports(self, view: View) -> Mapping[str, str]:
        return brief.exports(view)
