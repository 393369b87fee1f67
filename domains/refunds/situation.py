"""A task in words, for comparing it with past ones."""

from __future__ import annotations

from core.domain import View


def situation(view: View, action: str) -> str:
    """The customer's words, what was bought, and what is being decided. The same inputs always give the same words."""
    order = view.content.get("order", {})
    lines = [
        f"decision: {action.replace('_', ' ')}",
        f"mail: {' '.join(str(view.task.get('mail', '')).split())[:1000]}",
    ]
    lines.extend(
        f"line: {each['title']}, {'refunded' if each['refunded'] else 'paid'}" for each in order.get("lines", ())
    )
    return "\n".join(lines)
