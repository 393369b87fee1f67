from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escalation.weights import EQUAL, LABELS_NEEDED, Judged, learn


def log(number: int, useful: int, seed: int = 1) -> list[Judged]:
    """Outcomes in which only one part goes with being wrong."""
    chance = random.Random(seed)
    parts = [(chance.random(), chance.random(), chance.random()) for _ in range(number)]
    return [Judged(part, chance.random() < part[useful]) for part in parts]


def test_without_enough_labels_the_weights_are_equal() -> None:
    learned = learn(log(LABELS_NEEDED - 1, useful=1))
    assert learned.values == EQUAL and learned.version == "equal"
    unreadable = [Judged((math.nan, 0.1, 0.1), True)] * LABELS_NEEDED
    assert learn(unreadable).values == EQUAL


@pytest.mark.parametrize("useful", [0, 1, 2])
def test_the_part_that_goes_with_errors_gains_and_more_so_with_more_labels(useful: int) -> None:
    few, many = learn(log(400, useful)), learn(log(8_000, useful))
    assert 1 / 3 < few.values[useful] < many.values[useful]
    assert few.version != many.version


def test_the_same_log_gives_the_same_weights() -> None:
    assert learn(log(1_000, 2)) == learn(log(1_000, 2))


def test_a_score_that_goes_with_fewer_errors_teaches_nothing() -> None:
    inverted = [Judged(one.parts, not one.wrong) for one in log(2_000, 0)]
    assert learn(inverted).values == EQUAL


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(200, 300))
def test_weights_are_never_negative_and_sum_to_1(seed: int, number: int) -> None:
    chance = random.Random(seed)
    parts = [(chance.random(), chance.random(), chance.random()) for _ in range(number)]
    judged = [Judged(part, chance.random() < max(0.0, part[0] - part[1]), chance.choice((1.0, 0.1))) for part in parts]
    values = learn(judged).values
    assert min(values) >= 0 and sum(values) == pytest.approx(1.0, abs=1e-5)
