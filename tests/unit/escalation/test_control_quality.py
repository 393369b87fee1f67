from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.vocabulary import Authority
from escalation.authority import ORDER, earned, in_force
from escalation.control_quality import (
    BANDS,
    CALM,
    SIGNALS,
    Band,
    Quality,
    after_action,
    audits_doubled,
    budget_left,
    cap,
    coherence,
    freshness,
    measure,
    rate_signal,
    resynchronised,
)


def signals(value: float | None) -> dict[str, float | None]:
    return {str(name): 1.0 for name in SIGNALS} | {"memory": value}


@pytest.mark.parametrize(
    ("value", "band", "authority"),
    [
        (0.81, "normal", "execute"),
        (0.8, "elevated", "execute"),
        (0.6, "restricted", "prefill"),
        (0.4, "minimal", "suggest"),
        (0.2, "safe", "observe"),
        (math.nan, "safe", "observe"),
        (None, "safe", "observe"),
        (1.7, "safe", "observe"),
    ],
)
def test_the_worst_signal_sets_the_band_at_once(value: float | None, band: Band, authority: Authority) -> None:
    quality = after_action(Quality(), signals(value))
    assert (quality.band, cap(quality.band)) == (band, authority)
    assert audits_doubled(quality.band) == (band != "normal")


def test_a_missing_signal_is_the_worst() -> None:
    assert measure({"agreement": 1.0}) == (0.0, "corrections")


def test_quality_recovers_one_band_at_a_time_after_calm_actions() -> None:
    quality = after_action(Quality(), signals(0.5))
    for _ in range(2 * CALM - 1):
        quality = after_action(quality, signals(1.0))
    assert quality.band == "restricted"
    assert after_action(quality, signals(1.0)).band == "elevated"


def test_just_above_a_limit_is_not_enough_to_climb() -> None:
    quality = Quality("restricted")
    for _ in range(500):
        quality = after_action(quality, signals(0.62))
    assert quality.band == "restricted"


def test_the_safe_state_is_left_only_when_a_person_synchronises() -> None:
    quality = after_action(Quality(), signals(0.0))
    for _ in range(2_000):
        quality = after_action(quality, signals(1.0))
    assert quality.band == "safe"
    assert resynchronised(signals(0.7)).band == "elevated"


@given(st.lists(st.floats(0, 1), min_size=200, max_size=200))
def test_nobody_can_flap_it(pushed: list[float]) -> None:
    quality, climbs = Quality(), 0
    for value in pushed:
        before, quality = quality, after_action(quality, signals(value))
        climbs += BANDS.index(quality.band) > BANDS.index(before.band)
        assert BANDS.index(quality.band) <= BANDS.index(after_action(Quality(), signals(value)).band)
    assert climbs <= len(pushed) // CALM


def test_an_attacker_who_switches_a_signal_gets_fewer_and_fewer_climbs() -> None:
    quality, climbs = Quality(), []
    for number in range(3_000):
        before, quality = quality, after_action(quality, signals(0.5 if quality.band == "normal" else 1.0))
        if BANDS.index(quality.band) > BANDS.index(before.band):
            climbs.append(number)
    gaps = [later - earlier for earlier, later in pairwise(climbs)]
    assert gaps[-1] > 8 * gaps[0]


def test_signals_start_where_a_newcomer_stands_and_fall_with_what_goes_wrong() -> None:
    assert rate_signal(0, 0) == 0.9 and rate_signal(0, 1) > 0.8 > rate_signal(0, 2) and rate_signal(0, 5) <= 0.6
    assert freshness(0) == 1.0 and freshness(79) > 0.8 and freshness(240) <= 0.4 and freshness(10**9) == 0.0
    assert budget_left(0, 4) == 1.0 and budget_left(4, 4) == 0.0 and budget_left(0, 0) == 1.0
    assert coherence(0) == 1.0 and cap(after_action(Quality(), signals(coherence(1))).band) == "prefill"


def test_counts_that_cannot_be_are_the_worst() -> None:
    assert rate_signal(-1, 0) == freshness(-1) == budget_left(-1, 4) == budget_left(1, 0) == coherence(-1) == 0.0


@given(st.sampled_from([*ORDER, "boss", ""]), st.sampled_from([*ORDER, "boss"]), st.sampled_from(BANDS))
def test_in_force_is_the_least_of_the_three(own: str, environment: str, band: Band) -> None:
    force = in_force(own, environment, Quality(band, 0.5, "memory"))
    known = [level if level in ORDER else "observe" for level in (own, environment, cap(band))]
    assert ORDER.index(force.level) == min(ORDER.index(level) for level in known)  # type: ignore[arg-type]
    assert force.reasons


def test_the_reasons_say_what_holds_it_down() -> None:
    force = in_force("execute", "execute", Quality("restricted", 0.5, "memory"))
    assert force.level == "prefill"
    assert force.reasons == (
        "No more than prefill is left by control quality (restricted, weakest signal memory at 0.50).",
    )


def test_what_is_earned() -> None:
    assert earned("local", None) == "execute"
    assert earned("production", None) == earned("no such place", None) == "suggest"
    assert earned("production", 0.1) == "prefill"
    assert earned("production", math.nan) == earned("production", None, "no such level") == "suggest"
    assert earned("production", 0.1, "execute") == "execute"
    assert earned("production", 0.1, "observe") == "prefill"
