"""What people are told outside of the console, of reviews and of alarms: which, when, in which words. Pure; never a
payload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

MOST_LINES: Final = 10
"""Reviews that one message names."""


def message(occasion: str, reviews: Sequence[Mapping[str, Any]], console_url: str, now: datetime) -> tuple[str, str]:
    """(title, text) about these reviews: number, task type, tier, company, how long, and where to decide; or about the
    changes of levels by which autonomy was taken back."""
    if occasion == "revoked":
        return _revoked(reviews, console_url)
    count = f"{len(reviews)} reviews" if len(reviews) > 1 else f"Review r-{reviews[0]['number']}"
    verb = "wait" if len(reviews) > 1 else "waits"
    title = {
        "new": f"{count} {verb} for a person",
        "due": f"{count} soon due",
        "overdue": f"{count} overdue",
        "digest": f"{count} {verb}",
    }[occasion]
    lines = [_line(review, console_url, now) for review in reviews[:MOST_LINES]]
    if len(reviews) > MOST_LINES:
        lines.append(f"and {len(reviews) - MOST_LINES} more: {console_url.rstrip('/')}/")
    return title, "\n".join(lines)


def _revoked(changes: Sequence[Mapping[str, Any]], console_url: str) -> tuple[str, str]:
    """The reason of an alarm is made of counts."""
    page = f"{console_url.rstrip('/')}/autonomy"
    lines = [
        f"{change['task_type']}, {change['tenant']}, {change['environment']}: {change['reason']} "
        f"{page}?task_type={change['task_type']}"
        for change in changes[:MOST_LINES]
    ]
    if len(changes) > MOST_LINES:
        lines.append(f"and {len(changes) - MOST_LINES} more: {page}")
    what = f"{len(changes)} task types" if len(changes) > 1 else f"{changes[0]['task_type']}"
    return f"Autonomy taken back: {what}", "\n".join(lines)


def _line(review: Mapping[str, Any], console_url: str, now: datetime) -> str:
    minutes = max(0, int((now - review["opened_at"]).total_seconds() // 60))
    waits = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
    about = [review["task_type"], review["tier"] or "tier unknown", review["tenant"], f"waits {waits}"]
    link = f"{console_url.rstrip('/')}/review?id=r-{review['number']}"
    return f"r-{review['number']}: {', '.join(about)}. {link}"


def shown(address: str) -> str:
    """An address by its kind and host alone: what stands before or behind may be a secret."""
    kind, _, rest = address.partition("://")
    host = rest.rpartition("@")[2].partition("/")[0].partition("?")[0] if "@" in rest else ""
    return f"{kind}://{host or '…'}/…" if host else f"{kind}://…"
