from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.vocabulary import ANSWERS, Trust, members
from ui.words import CHOICES, TRUST, compared, policy, waits

NOW = datetime(2026, 11, 21, 17, 55, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=59), "waits under a minute"),
        (timedelta(seconds=-5), "waits under a minute"),
        (timedelta(minutes=14), "waits 14 min"),
        (timedelta(hours=26, minutes=5), "waits 26 h 5 min"),
        (timedelta(days=3), "waits 3 days"),
    ],
)
def test_waiting_is_said_in_the_unit_that_matters(ago: timedelta, said: str) -> None:
    assert waits(NOW - ago, NOW) == said


def test_a_score_stands_beside_what_it_is_compared_with() -> None:
    assert compared({"total": 0.612, "threshold": 0.35, "band": "review"}) == "0.61 of 1, alone up to 0.35"
    assert "any score asks" in compared({"total": 0.2, "threshold": None, "band": "review"})
    assert "too high to approve" in compared({"total": 0.9, "threshold": None, "band": "block"})


def test_rules_are_said_in_words() -> None:
    assert policy(["irreversible-needs-person"]) == "irreversible needs person"
    assert policy([]) == "no rule asks for a person"


def test_every_word_of_the_vocabulary_has_its_words() -> None:
    assert set(TRUST) == set(members(Trust))
    chosen = {answer for kind in ("unknown_effect", "blocker", "audit") for answer in ANSWERS[kind]}
    assert set(CHOICES) == chosen
