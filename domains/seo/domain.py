"""The content pipeline as a domain: one object that the runtime talks to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.actions import Proposal
from core.domain import Card, Explanation, PromptMessage, View
from core.tools import ToolSpec
from domains.seo import brief, explain, messages, progress
from domains.seo.card import CARD
from domains.seo.situation import situation
from domains.seo.tools import TOOLS


@dataclass(frozen=True)
class SeoDomain:
    """Implements core.domain.Domain; every method is a pure function of its arguments."""

    name: str = "seo"
    card: Card = CARD
    tools: Mapping[str, ToolSpec] = field(default_factory=lambda: TOOLS)

    def prompts(self, task_type: str) -> Mapping[str, str]:
        return messages.prompts(task_type)

    def reads(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        pages = content.get("pages", {}).get("pages", ())
        texts = [page["text_sha256"] for page in pages if page["ok"] and page["text_sha256"]]
        articles = [content[name]["article_sha256"] for name in ("check", "draft") if name in content]
        return tuple(dict.fromkeys([*texts, *articles]))

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
