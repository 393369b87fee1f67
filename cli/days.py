"""Days as people type them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from core.errors import BadInput


def day(text: str) -> datetime:
    """The first moment of 2026-11-21, in UTC. Raises BadInput."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text[:40]!r} is no date; write it like 2026-11-21.") from None
    return datetime.combine(found, time(), UTC)
