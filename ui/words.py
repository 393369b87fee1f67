"""What the pages say, as sentences. Pure, so that it is tested without a browser."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from core.vocabulary import Verdict

TRUST: Final[Mapping[str, str]] = {
    "untrusted": "○ untrusted",
    "model": "○ written by the model",
    "profile": "● your profile",
    "person": "● from a person",
    "trusted": "● measured here",
}
CHOICES: Final[Mapping[str, str]] = {
    "hand_back": "Hand back: the agent goes on from here, with your message",
    "abandon": "Abandon: the thread stops here",
    "take_over": "Take over: you do it, the agent waits",
    "happened": "It happened",
    "did_not_happen": "It did not happen",
    "right": "Right",
    "wrong": "Wrong",
    "unclear": "Can't tell",
}
VERDICTS: Final[Mapping[Verdict, str]] = {"right": "Yes", "wrong": "No", "unclear": "Can't tell"}
REASONS: Final[Mapping[str, str]] = {
    "wrong_intent": "wrong intent",
    "generic_pov": "generic point of view",
    "no_relevance": "no relevance to the business",
    "fact": "a fact is wrong",
    "voice": "the voice is not ours",
    "links": "links or citations",
    "other": "something else",
}
STANDINGS: Final[Mapping[str, str]] = {
    "verified": "✔ verified in source",
    "asserted": "○ asserted",
    "uncited": "✗ uncited",
}
TIERS: Final[Mapping[str, str]] = {
    "read-only": "only reads",
    "reversible": "can be undone",
    "irreversible": "cannot be undone",
}
ROLES: Final[Mapping[str, str]] = {
    "none": "none",
    "viewer": "that of a viewer",
    "reviewer": "that of a reviewer",
    "publisher": "that of a publisher",
    "admin": "that of an admin",
}
WHY: Final[Mapping[str, str]] = {"score": "its score", "blocked": "its score is too high to approve it"}
"""Why a person was asked, where it is not the name of a rule or a failure."""


def spaced(word: str) -> str:
    """A word of the vocabulary as it is read: taken_over → taken over."""
    return word.replace("_", " ")


def waits(since: datetime, now: datetime) -> str:
    """How long something has been waiting, in the unit that matters."""
    minutes = int((now - since).total_seconds() // 60)
    if minutes < 1:
        return "waits under a minute"
    if minutes < 60:
        return f"waits {minutes} min"
    if minutes < 48 * 60:
        return f"waits {minutes // 60} h {minutes % 60} min"
    return f"waits {minutes // (24 * 60)} days"


def due(by: datetime, now: datetime) -> str:
    """due in 46 min; overdue by 2 h."""
    left = int((by - now).total_seconds() // 60)
    late, left = left < 0, abs(left)
    hours = f"{left // 60} h {left % 60} min" if left < 600 else f"{left // 60} h"
    unit = f"{left} min" if left < 60 else hours if left < 48 * 60 else f"{left // (24 * 60)} days"
    return f"overdue by {unit}" if late else f"due in {unit}"


def minutes(seconds: int) -> str:
    """9:31."""
    return f"{seconds // 60}:{seconds % 60:02d}"


def reason(code: str) -> str:
    """Why a person was asked, as it is read."""
    return WHY.get(code, code.replace("_", " ").replace("-", " "))


def moment(at: datetime) -> str:
    """In the time zone of the machine that serves the page."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def compared(score: Mapping[str, Any]) -> str:
    """The score beside what it is compared with."""
    threshold = score.get("threshold")
    alone = "nothing is certified yet, so any score asks" if threshold is None else f"alone up to {threshold:.2f}"
    blocked = "; too high to approve as it stands" if score.get("band") == "block" else ""
    return f"{score['total']:.2f} of 1, {alone}{blocked}"


def policy(rules: list[str]) -> str:
    """The policy rules that decided. The reasons a rule gives stand among the reasons for asking."""
    return ", ".join(rule.replace("-", " ") for rule in rules) if rules else "no rule asks for a person"


def decided(review: Mapping[str, Any]) -> str:
    """Who decided what, and when."""
    doubt = "" if review["verified"] else " (name not verified)"
    answer = spaced(str(review["answer"]))
    return f"{answer}, by {review['decided_by']}{doubt}, {moment(review['decided_at'])}"
