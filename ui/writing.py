"""The small things a page stores by itself: who has a review, what was typed. Decisions go through ui/deciding.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from psycopg.types.json import Json

from core.canonical import storable
from ui.reading import Row, change

CLAIM_SECONDS: Final = 600


def claim(person: str, number: int, *, take: bool = False) -> bool:
    """Have a review for ten minutes; `take`: although somebody else has it. Whether it is `person`'s now."""
    row = {"person": person, "number": number, "seconds": CLAIM_SECONDS, "take": take}
    return bool(change("review_claim", **row))


def unclaim(person: str, number: int) -> None:
    change("review_unclaim", person=person, number=number)


def seen(person: str, number: int) -> None:
    change("review_seen", person=person, number=number)


def assign(number: int, assignee: str | None) -> None:
    """Ask somebody to decide; None: whoever comes."""
    change("review_assign", number=number, assignee=storable(assignee))


def draft(person: str, number: int, typed: Mapping[str, Any]) -> list[Row]:
    """Keep what was typed, and the review for as long as somebody types."""
    claim(person, number)
    return change("draft_put", person=person, number=number, typed=Json(storable(dict(typed))))


def forget(person: str, number: int) -> None:
    change("draft_drop", person=person, number=number)
