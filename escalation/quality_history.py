"""How the signals of control quality have stood, computed again from the log of outcomes and calls. Pure.

Nothing of it is stored: each signal looks back on the newest outcomes and calls, and those are kept for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from core.vocabulary import Verdict
from escalation.control_quality import budget_left, coherence, freshness, rate_signal

POINTS: Final = 40
"""Moments that are told; the newest."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An outcome. `judged_at` is when its verdict came, which for what ran alone is later than `at`; `spent` and
    `allowed`: of its thread's budget for what cannot be undone."""

    at: datetime
    judged_at: datetime
    alone: bool
    verdict: Verdict | None
    changed: bool
    spent: int
    allowed: int


@dataclass(frozen=True, slots=True)
class Called:
    """A call of the task type's tool that has ended."""

    at: datetime
    good: bool


@dataclass(frozen=True, slots=True)
class Point:
    """The signals right after something was judged, or was about to run alone."""

    at: datetime
    signals: Mapping[str, float]


def over_time(outcomes: Sequence[Seen], calls: Sequence[Called], window: int) -> list[Point]:
    """The last POINTS moments, oldest first. `outcomes` in the order they were entered; `window`: how many outcomes and
    calls a signal looks back on. Memory stands at 1: what was contradictory then is not known any more."""
    acting = [(seen.at, True) for seen in outcomes if seen.alone]
    moments = sorted([*acting, *((seen.judged_at, False) for seen in outcomes if seen.verdict)])
    found, alone = list[Point](), 0
    for at, acted in moments:
        alone = alone + 1 if acted else 0
        found.append(Point(at, _signals(outcomes, calls, window, at, alone)))
    return found[-POINTS:]


def _signals(
    outcomes: Sequence[Seen], calls: Sequence[Called], window: int, at: datetime, since_sync: int
) -> dict[str, float]:
    judged = [seen for seen in outcomes if seen.verdict and seen.judged_at <= at][-window:]
    after = [seen.verdict for was, seen in pairwise(judged) if was.changed]
    said = [seen.verdict for seen in judged]
    ended = [call.good for call in calls if call.at <= at][-window:]
    last = judged[-1] if judged else None
    return {
        "agreement": rate_signal(said.count("right"), said.count("wrong")),
        "corrections": rate_signal(after.count("right"), after.count("wrong")),
        "freshness": freshness(since_sync),
        "irreversibility": budget_left(last.spent, last.allowed) if last else 1.0,
        "memory": coherence(0),
        "failures": rate_signal(ended.count(True), ended.count(False)),
    }
