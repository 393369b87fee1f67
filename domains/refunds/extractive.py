"""offline-extractive at the refund desk: looks the order up and fills in a form letter. No language model.

It decides nothing: it names no line as due, so nothing is refunded or paid after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.actions import SelfReport

Json = Mapping[str, Any]

LETTER: Final = """[Form letter, filled in without a language model. Nobody has judged the request yet.]

Thank you for your message about order {order}. We have it in front of us: {titles}.

A person of our desk reads what you wrote and answers you."""


def propose(materials: Sequence[Json], feedback: Sequence[Json], offered: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The action and its arguments, without bound ones. A draft that was sent back once is left to a person."""
    if "draft_reply" in offered and not any(item.get("action") == "draft_reply" for item in feedback):
        return "draft_reply", {"text": _letter(materials), "refund_lines": [], "pay_invoices": []}
    if "ask_human" in offered:
        why = "Without a language model nothing can be written here but a form letter."
        return "ask_human", {"question": "How is this customer to be answered?", "why": why}
    return offered[0], {}


def self_report(
    materials: Sequence[Json], feedback: Sequence[Json], action: str, arguments: Mapping[str, Any]
) -> SelfReport:
    """Never sure: nobody has read the request."""
    assumption = "that the request can wait for a person"
    return SelfReport(rationale="A form letter fits any request.", confidence=0.0, unresolved_assumptions=(assumption,))


def _letter(materials: Sequence[Json]) -> str:
    order: Json = next((each["data"] for each in materials if each["name"] == "order"), {})
    titles = ", ".join(str(line["title"]) for line in order.get("lines", ())) or "no lines"
    return LETTER.format(order=order.get("order", ""), titles=titles)
