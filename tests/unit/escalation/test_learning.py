from __future__ import annotations

import random

import pytest

from core.actions import SelfReport
from escalation.learning import NEEDED, WRONG_NEEDED, Past, auroc, lesson


def log(number: int, boast: float = 0.3, useful: int | None = 1, seed: int = 1) -> list[Past]:
    """Proposals of a model that states `boast` more than it is worth; one part of their scores tells wrong ones."""
    chance = random.Random(seed)
    found = []
    for _ in range(number):
        worth = chance.choice((0.5, 0.6, 0.7))
        wrong = chance.random() > worth
        noise = [chance.random() for _ in range(3)]
        if useful is not None:
            noise[useful] = min(1.0, 0.5 * noise[useful] + 0.5 * wrong)
        report = SelfReport(confidence=round(worth + boast, 2))
        found.append(Past((noise[0], noise[1], noise[2]), wrong, 1.0, report))
    return found


def test_too_little_teaches_nothing_and_says_how_much_is_missing() -> None:
    assert lesson(log(NEEDED - 1)).missing == f"1 more labelled outcomes, {NEEDED} in all"
    nearly_clean = [one._replace(wrong=place < 3) for place, one in enumerate(log(NEEDED))]
    assert lesson(nearly_clean).missing == f"{WRONG_NEEDED - 3} more that are wrong or unclear: there are 3"


def test_a_boaster_is_recalibrated_and_the_part_that_tells_gains_both_shown_on_what_was_held_out() -> None:
    found = lesson(log(600))
    assert found.brier is not None and found.brier.learned < found.brier.usual - 0.05
    assert found.auroc is not None and found.auroc.learned > found.auroc.usual
    calibration, weights = found.scoring.calibration, found.scoring.weights
    assert calibration is not None and calibration(0.9) == pytest.approx(0.6, abs=0.1)
    assert weights is not None and weights.values[1] > 0.4
    assert found.scoring.labels == 600 and not found.missing


def test_what_does_not_help_is_not_proposed() -> None:
    honest = lesson(log(600, boast=0.0, useful=None))
    assert honest.scoring.calibration is None or honest.brier is not None
    silent = lesson([one._replace(report=None) for one in log(600, useful=None)])
    assert silent.scoring.calibration is None and silent.brier is None


def test_weights_count_as_many_as_they_stand_for() -> None:
    assert auroc([(0.9, True, 1.0), (0.1, False, 1.0)]) == 1.0
    assert auroc([(0.5, True, 1.0), (0.5, False, 1.0)]) == 0.5
    assert auroc([(0.5, True, 1.0), (0.4, False, 3.0), (0.6, False, 1.0)]) == 0.75
    assert auroc([(0.5, False, 1.0)]) == 0.5
