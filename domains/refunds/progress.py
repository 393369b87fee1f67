"""What makes sense next. A pure function of what is there; the order of the lines is the order of the work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.domain import View

ASK: Final = "ask_human"
OFFLINE: Final = "offline-extractive"
"""Model label of the method that writes nothing: it looks the order up and fills in a form letter."""


def next_actions(view: View) -> tuple[str, ...]:
    """Tools that make sense now, most useful first; empty when the work is done."""
    content = view.content
    if "order" not in content:
        return ("look_up_order",)
    if "reply" not in content:
        return ("draft_reply", ASK)
    if view.task.get("model") == OFFLINE:
        return ()
    due = (("issue_refund", lines_due(content)), ("pay_vendor", invoices_due(content)))
    offered = tuple(tool for tool, open_items in due if open_items and tool not in view.declined)
    return (*offered, ASK) if offered else ()


def lines_due(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Lines that the reply promises back and that nobody has paid back."""
    named = set(content["reply"]["refund_lines"])
    lines = content["order"]["lines"]
    return [each for each in lines if each["line"] in named and not each["refunded"] and not _made(content, each)]


def invoices_due(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Invoices that the reply names as due and that nobody has paid."""
    named = set(content["reply"]["pay_invoices"])
    return [
        each
        for each in content["order"]["invoices"]
        if each["invoice"] in named and not each["paid"] and f"payment:{each['invoice']}" not in content
    ]


def _made(content: Mapping[str, Any], line: Mapping[str, Any]) -> bool:
    return f"refund:{line['line']}" in content
