"""A domain with one tool that charges an invoice, and a till that answers as a test wants it to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from pydantic import BaseModel, Field

from core.actions import Proposal
from core.domain import Card, Explanation, PromptMessage, Scope, View
from core.errors import ToolError
from core.ports import ToolContext, ToolOutput
from core.tools import ToolSpec
from runtime import threads
from runtime.intake import NewThread
from runtime.wiring import Application, Parts, open_application
from tests.integration.application import settings

LOST = ToolError("The till: it answered 500.", "unknown_effect")
CARD = Card("Shop", "a test", "the test", "charge", ("never",), ("none",), {"bug": "the test"})


class Charge(BaseModel):
    invoice: str


class Receipt(BaseModel):
    receipt: str = Field(min_length=1)


def as_confirmed(arguments: Mapping[str, Any], note: str) -> dict[str, Any]:
    return {"receipt": note}


CHARGE = ToolSpec(
    "charge", "Charge an invoice.", Charge, Receipt, "reversible", "unsafe", 1, 20.0,
    bindings={"invoice": "task:invoice"}, produces="charged", identity=lambda arguments: str(arguments["invoice"]),
    when_confirmed=as_confirmed,
)  # fmt: skip


@dataclass(frozen=True)
class Shop:
    """core.domain.Domain: charges once, unless that was given up or refused for good."""

    spec: ToolSpec
    name: str = "shop"
    card: Card = CARD

    @property
    def tools(self) -> Mapping[str, ToolSpec]:
        return {"charge": self.spec}

    def prompts(self, task_type: str) -> Mapping[str, str]:
        return {}

    def reads(self, content: Mapping[str, Any]) -> tuple[str, ...]:
        return ()

    def next_actions(self, view: View) -> tuple[str, ...]:
        over = "charged" in view.content or "charge" in view.declined
        return () if over or any(item["kind"] == "abandoned" for item in view.feedback) else ("charge",)

    def messages(self, view: View, offered: Sequence[str]) -> list[PromptMessage]:
        return []

    def report_messages(self, proposal: Proposal) -> list[PromptMessage]:
        return []

    def situation(self, view: View, action: str) -> str:
        return action

    def explain(self, view: View, proposal: Proposal) -> Explanation:
        return Explanation("charge", "The customer pays.")

    def reasons(self, view: View, proposal: Proposal) -> tuple[str, ...]:
        return ()

    def exports(self, view: View) -> Mapping[str, str]:
        return {}


@dataclass
class Till:
    """The adapter: one answer after another, then receipts. Errors are raised; `sent` and `asked` are keys."""

    answers: list[Any] = field(default_factory=list)
    known: Any = None
    sent: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        self.sent.append(context.operation_key)
        return _answer(self.answers.pop(0) if self.answers else {"receipt": f"receipt {len(self.sent)}"})

    async def lookup(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput | None:
        self.asked.append(context.operation_key)
        return None if self.known is None else _answer(self.known)


def _answer(answer: Any) -> ToolOutput:
    if isinstance(answer, BaseException):
        raise answer
    return ToolOutput(answer, summary="charged")


@asynccontextmanager
async def shop(
    database_url: str,
    home: Path,
    till: Till,
    environment: str = "local",
    changes: Mapping[str, str] | None = None,
    scope: Scope = CARD.scope,
    **declared: Any,
) -> AsyncIterator[Application]:
    """An application whose only domain is the shop."""
    domain = Shop(replace(CHARGE, **declared), card=replace(CARD, scope=scope))
    module = SimpleNamespace(DOMAIN=domain, adapters=lambda _: {"charge": till}, offline_model=lambda: None)
    parts = Parts(domains={"shop": lambda: cast("Any", module)})
    async with open_application(
        settings(database_url, home, AUTONOMY_ENVIRONMENT=environment, **(changes or {})), parts
    ) as app:
        yield app


async def begun(app: Application, invoice: str = "i-1") -> str:
    """A thread that is to charge an invoice, not yet run."""
    profile = await app.artifacts.put("acme", "{}", "application/json", "profile", "profile")
    task = {
        "domain": "shop", "tenant": "acme", "invoice": invoice, "model": None, "profile": profile.to_json(),
        "content_dir": str(app.settings.home),
    }  # fmt: skip
    return await threads.start(app, NewThread("shop", "acme", invoice, task, "sam"))
