from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation.audit import JUST_AFTER, Audited, MissRate, corrected, probability, silent_failures, toss
from escalation.intervals import rate_interval


def test_audits_are_denser_just_after_a_raise_and_never_stop() -> None:
    assert probability(0) == 0.5
    assert probability(JUST_AFTER) == probability(10**9) == 0.10
    assert probability(-5) == 0.5, "a counter that went back means a raise just now"
    assert probability(JUST_AFTER, doubled=True) == 0.20
    assert probability(0, doubled=True) == 1.0


def test_the_coin_falls_by_the_drawn_chance_alone() -> None:
    assert toss(0.1, 0.0999).audited and not toss(0.1, 0.1).audited
    assert toss(0.1, 0.05).probability == 0.1


@pytest.mark.parametrize(("chosen", "chance"), [(0.0, 0.9), (math.nan, 0.9), (1.7, 0.9), (-1.0, 0.9), (0.1, math.nan)])
def test_a_coin_that_makes_no_sense_audits_for_certain(chosen: float, chance: float) -> None:
    coin = toss(chosen, chance)
    assert coin.audited and coin.probability == 1.0


def simulated(risk: float, alone: int, seed: int) -> list[Audited]:
    chance = random.Random(seed)
    chances = [probability(index) for index in range(alone)]
    return [
        Audited("wrong" if chance.random() < risk else "right", p) for p in chances if toss(p, chance.random()).audited
    ]


def test_the_estimate_is_unbiased_over_changing_probabilities_and_the_interval_covers() -> None:
    estimates = [silent_failures(simulated(0.08, 1_000, seed), 1_000) for seed in range(400)]
    error = statistics.stdev(one.rate for one in estimates) / math.sqrt(len(estimates))
    assert statistics.mean(one.rate for one in estimates) == pytest.approx(0.08, abs=3 * error)
    assert sum(0.08 in one.interval for one in estimates) >= 0.95 * len(estimates)


def test_nothing_audited_says_nothing_and_an_unknown_verdict_is_a_failure() -> None:
    assert silent_failures([], 0).interval == (0.0, 1.0)
    unanswered = silent_failures([Audited("unclear", 0.1)] * 10, 100)
    assert unanswered.rate == 1.0 and unanswered.interval.low > 0.5
    assert silent_failures([Audited("right", math.nan)], 10).rate > 0


def test_an_interval_holds_at_every_look_at_once() -> None:
    def ever_outside(seed: int) -> bool:
        chance, hits = random.Random(seed), 0
        for number in range(1, 301):
            hits += chance.random() < 0.1
            if number % 10 == 0 and 0.1 not in rate_interval(hits, number):
                return True
        return False

    assert sum(ever_outside(seed) for seed in range(150)) <= 150 * 0.05 + 3 * math.sqrt(150 * 0.05 * 0.95)


@given(st.integers(0, 60), st.integers(0, 60))
def test_an_interval_holds_the_observed_share(hits: int, clean: int) -> None:
    interval = rate_interval(hits, hits + clean)
    assert 0 <= interval.low <= interval.high <= 1
    if hits + clean:
        assert hits / (hits + clean) in interval


def test_the_price_of_looking_at_any_time_is_a_wider_interval_than_for_one_look() -> None:
    one_look = 1 - 0.05 ** (1 / 59)
    assert one_look < 0.06 < rate_interval(0, 59).high < 0.11


@pytest.mark.parametrize(("hits", "trials"), [(3, 2), (-1, 4), (0, 0)])
def test_impossible_counts_say_nothing(hits: int, trials: int) -> None:
    assert rate_interval(hits, trials) == (0.0, 1.0)


@given(st.floats(0, 1), st.integers(0, 30), st.integers(0, 30))
def test_what_reviewers_miss_only_ever_raises_the_bound(bound: float, missed: int, caught: int) -> None:
    assert corrected(bound, MissRate(missed + caught, missed)) >= bound
    assert corrected(bound, MissRate(missed + caught + 1, missed + 1)) >= corrected(bound, None) == bound


def test_the_bound_is_divided_by_the_share_that_reviewers_surely_catch() -> None:
    missed = MissRate(planted=40, missed=4)
    assert corrected(0.05, missed) == pytest.approx(0.05 / (1 - missed.interval.high))


def test_reviewers_who_miss_everything_leave_no_bound() -> None:
    assert corrected(0.05, MissRate(20, 20)) == 1.0
    assert corrected(0.05, MissRate(0, 0)) == 0.05
