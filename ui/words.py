"""What the pages say, as sentences. Pure, so that it is tested without a browser."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

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
PARTS: Final = (
    ("low confidence", "low_confidence"),
    ("novelty", "novelty"),
    ("history of changes", "historical_need"),
)


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
