"""A domain that only asks: every step is one decision for a person, without a model and without a page to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from core.actions import Proposal
from core.canonical import canonical_json
from core.domain import Card, Explanation, PromptMessage, View
from core.ports import Artifacts, Tool, ToolContext, ToolOutput
from core.tools import ToolSpec
from runtime.intake import NewThread
from runtime.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

NAME: Final = "asking"


class Note(BaseModel):
    """`after` is the hash of the note before, so that no two proposals are the same."""

    after: str | None = None


NOTE: Final = ToolSpec(
    name="note",
    summary="Write a note.",
    arguments=Note,
    result=Note,
    tier="reversible",
    idempotency="idempotent",
    cost=1,
    timeout=10.0,
    decision_point=True,
    bindings={"after": "result:note"},
)


CARD: Final = Card("Asking", "a benchmark", "the benchmark", "Ask.", ("never",), ("none",), {"bug": "the benchmark"})


@dataclass(frozen=True)
class AskingDomain:
    """Implements core.domain.Domain."""

    name: str = NAME
    card: Card = CARD
    tools: Mapping[str, ToolSpec] = field(default_factory=lambda: MappingProxyType({NOTE.name: NOTE}))

    def prompts(self, task_type: str) -> Mapping[str, str]:
        return {}

    def reads(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return ()

    def next_actions(self, view: View) -> tuple[str, ...]:
        return (NOTE.name,)

    def messages(self, view: View, offered: Sequence[str]) -> list[PromptMessage]:
        return []

    def report_messages(self, proposal: Proposal) -> list[PromptMessage]:
        return []

    def situation(self, view: View, action: str) -> str:
        return action

    def explain(self, view: View, proposal: Proposal) -> Explanation:
        return Explanation("a note", "write it down")

    def reasons(self, view: View, proposal: Proposal) -> tuple[str, ...]:
        return ()

    def exports(self, view: View) -> Mapping[str, str]:
        return {}


DOMAIN: Final = AskingDomain()


def adapters(settings: Settings) -> Mapping[str, Tool]:
    return {NOTE.name: note}


async def note(arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
    return ToolOutput(dict(arguments), summary="noted")


def offline_model() -> BaseChatModel:
    """Never asked: the only step leaves nothing to say."""
    from langchain_core.language_models import FakeListChatModel

    return FakeListChatModel(responses=[""])


async def prepare(artifacts: Artifacts, model: str) -> NewThread:
    profile = await artifacts.put("bench", canonical_json({}), "application/json", "bench", "profile")
    task = {
        "domain": NAME, "tenant": "bench", "model": model, "requester": "bench", "profile": profile.to_json(),
        "content_dir": "",
    }  # fmt: skip
    return NewThread(NAME, "bench", "a question", task, "bench")
