"""What the planner is told: one system message, the task, material for this step and no more, and feedback."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from core.actions import Proposal
from core.canonical import storable
from core.domain import PromptMessage, View, feedback_message
from core.vocabulary import Trust
from domains.refunds.progress import ASK, invoices_due, lines_due

STEP_PROMPTS: Final = frozenset({"draft_reply", "issue_refund", "pay_vendor"})
LONGEST_MAIL: Final = 20_000


@cache
def prompt(name: str) -> str:
    """The text of prompts/NAME.md."""
    return (files("domains.refunds") / "prompts" / f"{name}.md").read_text("utf-8")


def prompts(task_type: str) -> dict[str, str]:
    """Prompt files used for a step: name -> text."""
    step = (task_type,) if task_type in STEP_PROMPTS else ()
    return {f"{name}.md": prompt(name) for name in ("system", *step, "report")}


def messages(view: View, offered: Sequence[str]) -> list[PromptMessage]:
    """All messages for the next proposal. `offered` is not empty."""
    steps = [action for action in offered if action != ASK] or list(offered)
    feedback = [feedback_message(item) for item in view.feedback]
    task = PromptMessage("task", f"Order: {view.task['order']}\nStep: {steps[0]}", trust="person")
    return [_system(offered, steps), task, *_materials(view), *feedback]


def report_messages(proposal: Proposal) -> list[PromptMessage]:
    """The further messages that ask how sure the model is of `proposal`."""
    said = {"action": proposal.action, "arguments": proposal.arguments}
    return [PromptMessage("task", prompt("report")), _material("proposal", said, "proposal", "model")]


def _system(offered: Sequence[str], steps: Sequence[str]) -> PromptMessage:
    instructions = "\n".join(prompt(step) for step in steps if step in STEP_PROMPTS)
    names = ", ".join(f"`{name}`" for name in offered)
    text = prompt("system").replace("{offered}", names).replace("{preferred}", f"`{steps[0]}`")
    return PromptMessage("system", text.replace("{instructions}", instructions))


def _materials(view: View) -> Iterator[PromptMessage]:
    """The books and the customer's words apart, though one call has read both."""
    content = view.content
    yield _material("profile", content["profile"], "profile", "profile")
    if mail := view.task.get("mail"):
        yield _material("mail", {"text": mail[:LONGEST_MAIL]}, "the customer's mail", "untrusted")
    if order := content.get("order"):
        yield _material("order", {**order, "note": "see the material `note`"}, "the desk's books", "trusted")
        yield _material("note", {"text": order["note"][:LONGEST_MAIL]}, "the customer's note", "untrusted")
    if reply := content.get("reply"):
        yield _material("reply", reply, "reply", "model")
        due = {"refund": lines_due(content), "pay": invoices_due(content)}
        yield _material("due", due, "the desk's books", "trusted")


def _material(name: str, data: Any, source: str, trust: Trust) -> PromptMessage:
    text = json.dumps(storable({"name": name, "data": data}), ensure_ascii=False, allow_nan=False)
    return PromptMessage("material", text, source, trust)
