from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.actions import SelfReport
from core.ports import NoveltyReading
from escalation.score import Signals, score
from escalation.scoring import Scoring
from escalation.signals import (
    UNREADABLE,
    Readings,
    Samples,
    action_key,
    doubt,
    low_confidence,
    mean_of_present,
    readable,
    samples_of,
)
from escalation.weights import Weights

BAD = (1.7, -0.1, math.nan, math.inf, None, "0.9", True)
SURE = SelfReport(confidence=1.0)


@pytest.mark.parametrize("value", BAD)
def test_what_is_no_share_is_full_doubt(value: object) -> None:
    assert readable(value) is None
    assert doubt(value) == 1.0  # type: ignore[arg-type]


def test_a_confidence_of_more_than_1_counts_as_none_not_as_certain() -> None:
    boasting = SelfReport.model_construct(confidence=1.7, unresolved_assumptions=())
    assert low_confidence(boasting) == low_confidence(SelfReport(confidence=None)) == 0.5


def test_a_reading_that_was_not_asked_for_leaves_the_mean_alone_and_a_broken_one_counts_in_full() -> None:
    assert low_confidence(SURE, Readings(decisiveness=None)) == 0.0
    assert low_confidence(SURE, Readings(decisiveness=UNREADABLE)) == pytest.approx(1 / 3)
    assert mean_of_present({}) == 1.0


def test_two_spellings_of_one_action_agree_and_another_argument_does_not() -> None:
    one = action_key("set_angle", {"angle": "Cost  for Startups", "for": ["founders", "CFOs"]})
    assert one == action_key("set_angle", {"for": ["CFOs", "founders"], "angle": "cost for startups"})
    assert one != action_key("set_angle", {"angle": "cost for agencies", "for": ["founders", "CFOs"]})


def test_a_sample_that_failed_counts_as_another_action() -> None:
    samples = samples_of("a", ["a", "b", None])
    assert samples == Samples(3, 2, 1)
    assert samples_of("a", []) is None
    assert Samples(3, 5).disagreement == 1.0


def test_recalibrated_confidence_replaces_what_was_stated() -> None:
    assert low_confidence(SURE, Readings(recalibrated=lambda stated: 0.5)) == 0.25
    assert low_confidence(SURE, Readings(recalibrated=lambda stated: math.nan)) == 0.5


def test_the_reasons_name_samples_and_wording() -> None:
    readings = Readings(samples=Samples(3, 2), decisiveness=0.4)
    said = score(Signals(SURE, NoveltyReading(0.1, 5, "test"), 0, 8, None, readings=readings)).reasons
    assert "Two of three further samples chose something else." in said
    assert any("undecided (0.40 of 1)" in reason for reason in said)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.sampled_from([math.nan, 1.7, -3.0, math.inf]))
def test_a_bad_value_never_lowers_the_score(confidence: float, novelty: float, wording: float, bad: float) -> None:
    def total(stated: float, distance: float, decisive: float) -> float:
        report = SelfReport.model_construct(confidence=stated, unresolved_assumptions=())
        reading = NoveltyReading(distance, 5, "test")
        return score(Signals(report, reading, 0, 8, None, readings=Readings(decisiveness=decisive))).total

    good = total(confidence, novelty, wording)
    assert total(bad, novelty, wording) >= good
    assert total(confidence, bad, wording) >= good
    assert total(confidence, novelty, bad) >= good


@pytest.mark.parametrize("threshold", [math.nan, 1.7, -1.0])
def test_a_threshold_that_is_none_lets_nothing_proceed(threshold: float) -> None:
    assert score(Signals(SURE, NoveltyReading(0.0, 5, "test"), 0, 100, threshold)).band == "review"


def test_learned_weights_change_the_total_and_keep_the_parts() -> None:
    signals = Signals(SURE, NoveltyReading(0.6, 5, "test"), 0, 8, None)
    only_novelty = Scoring(weights=Weights((0.0, 1.0, 0.0), 300))
    weighted = score(Signals(SURE, NoveltyReading(0.6, 5, "test"), 0, 8, None, scoring=only_novelty))
    assert weighted.total == 0.6
    assert (weighted.novelty, weighted.historical_need) == (score(signals).novelty, score(signals).historical_need)
