from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation.calibration import ENOUGH, SPOKEN_FOR, Label, calibrate


def labels(number: int, share_right: float, stated: float = 0.9) -> list[Label]:
    return [Label(stated, index < number * share_right) for index in range(number)]


def test_too_few_labels_calibrate_nothing() -> None:
    assert calibrate(labels(ENOUGH - 1, 0.5)) is None
    assert calibrate([*labels(ENOUGH - 1, 0.5), Label(math.nan, True)]) is None


def test_a_boaster_is_taken_at_what_it_was_worth() -> None:
    learned = calibrate(labels(200, 0.6, stated=0.95) + labels(100, 0.2, stated=0.5))
    assert learned is not None
    assert learned(0.95) == pytest.approx(0.6)
    assert learned(0.7) == pytest.approx(0.2)
    assert learned(0.1) == 0.1


def test_an_unlikely_label_stands_for_the_many_that_were_not_taken() -> None:
    learned = calibrate([*labels(190, 0.0), *(Label(0.9, True, 0.1) for _ in range(19))])
    assert learned is not None and learned(0.9) == pytest.approx(0.5)


def test_what_few_say_makes_nobody_believed_more() -> None:
    learned = calibrate([*labels(300, 0.6, stated=0.8), *labels(SPOKEN_FOR - 1, 1.0, stated=0.95)])
    assert learned is not None and learned(0.95) == pytest.approx(0.6)
    enough = calibrate([*labels(300, 0.6, stated=0.8), *labels(SPOKEN_FOR, 1.0, stated=0.95)])
    assert enough is not None and enough(0.95) == 1.0
    assert calibrate([Label(number / 400, number > 200) for number in range(1, 400, 2)]) is not None


@pytest.mark.parametrize("stated", [math.nan, 1.7, -0.2, None])
def test_what_is_no_confidence_is_none(stated: float | None) -> None:
    learned = calibrate(labels(300, 0.9))
    assert learned is not None and learned(stated) == 0.0


@given(st.integers(0, 10**6))
def test_more_stated_is_never_less_believed(seed: int) -> None:
    chance = random.Random(seed)
    learned = calibrate([Label(round(chance.random(), 1), chance.random() < 0.7) for _ in range(ENOUGH)])
    assert learned is not None
    believed = [learned(step / 20) for step in range(21)]
    assert believed == sorted(believed)
    assert all(0 <= one <= 1 for one in believed)
