from __future__ import annotations

import pytest

from escalation.lacking import enough

PARTS = {"low_confidence": 0.5, "novelty": 0.9, "historical_need": 0.1}


def test_the_one_part_that_is_lowered_brings_the_score_to_the_threshold() -> None:
    found = enough(PARTS, 0.4)
    assert found == {"low_confidence": 0.2, "novelty": 0.6}
    for name, most in found.items():
        assert sum((PARTS | {name: most}).values()) / 3 == pytest.approx(0.4)


def test_no_single_part_may_be_enough_and_nothing_is_certified_without_a_threshold() -> None:
    assert enough(PARTS, 0.05) == {}
    assert enough(PARTS, None) == {}
