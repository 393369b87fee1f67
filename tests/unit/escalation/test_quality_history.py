from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.vocabulary import Verdict
from escalation.quality_history import POINTS, Called, Seen, over_time

BEGINNING = datetime(2026, 11, 3, tzinfo=UTC)


def after(minutes: int) -> datetime:
    return BEGINNING + timedelta(minutes=minutes)


def decided(minutes: int, verdict: Verdict = "right", *, changed: bool = False) -> Seen:
    return Seen(after(minutes), after(minutes), False, verdict, changed, 0, 2)


def alone(minutes: int, judged: int | None = None, verdict: Verdict | None = None) -> Seen:
    return Seen(after(minutes), after(minutes if judged is None else judged), True, verdict, False, 0, 2)


def test_a_verdict_counts_from_when_it_came_and_not_from_when_it_ran() -> None:
    points = over_time([decided(0), alone(1, 5, "wrong"), decided(3)], [], 50)
    assert [point.at for point in points] == [after(0), after(1), after(3), after(5)]
    assert [round(point.signals["agreement"], 3) for point in points] == [0.909, 0.909, 0.917, 0.846]


def test_freshness_falls_with_what_runs_alone_and_a_verdict_restores_it() -> None:
    points = over_time([decided(0), *(alone(minute) for minute in range(1, 9)), decided(9)], [], 50)
    fresh = [point.signals["freshness"] for point in points]
    assert fresh == [*sorted(fresh[:-1], reverse=True), 1.0] and fresh[-2] == 0.98


def test_calls_and_corrections_are_those_before_the_moment_and_in_the_window() -> None:
    outcomes = [decided(0, "wrong", changed=True), decided(2, "wrong"), decided(4)]
    points = over_time(outcomes, [Called(after(1), True), Called(after(3), False)], 50)
    assert [round(point.signals["failures"], 2) for point in points] == [0.9, 0.91, 0.83]
    assert [round(point.signals["corrections"], 2) for point in points] == [0.9, 0.82, 0.82]
    assert over_time(outcomes, [], 1)[-1].signals["agreement"] == 10 / 11


def test_of_many_the_newest_are_told_and_of_none_nothing() -> None:
    points = over_time([decided(minute) for minute in range(100)], [], 50)
    assert len(points) == POINTS and points[-1].at == after(99)
    assert over_time([], [Called(after(0), True)], 50) == []
