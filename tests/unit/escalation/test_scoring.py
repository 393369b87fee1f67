from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from core.actions import SelfReport
from core.ports import NoveltyReading
from escalation.calibration import Calibration, Step
from escalation.score import Signals, score
from escalation.scoring import USUAL, Scoring, base_of, from_json, in_short, is_learned, named, with_scoring
from escalation.weights import Weights

LEARNED = Scoring(Calibration((Step(0.5, 0.4, 60), Step(0.9, 0.7, 190))), Weights((0.6, 0.1, 0.3), 250), 250)
VERSION = with_scoring("b1", LEARNED)
GIVEN = Signals(SelfReport(confidence=0.95), NoveltyReading(0.4, 5, "test"), 0, 8, 0.5)


def stored(scoring: Scoring) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(json.dumps(scoring.to_json()))
    return said


def test_a_version_names_its_scoring_and_the_usual_one_needs_no_name() -> None:
    assert with_scoring("b1", USUAL) == "b1" and not is_learned("b1") and base_of("b1") == "b1"
    assert is_learned(VERSION) and base_of(VERSION) == "b1"
    assert named("b1", None) == USUAL
    assert named(VERSION, stored(LEARNED)) == LEARNED == from_json(stored(LEARNED))
    assert with_scoring("b1", replace(LEARNED, labels=251)) != VERSION


@pytest.mark.parametrize(
    "kept",
    [
        None,
        {},
        stored(replace(LEARNED, labels=251)),
        stored(LEARNED) | {"steps": [[0.9, 0.7, 1], [0.5, 0.8, 1]]},
        stored(LEARNED) | {"steps": [[0.5, 1.7, 1]]},
        stored(LEARNED) | {"weights": [1.0, 1.0, 1.0]},
        stored(LEARNED) | {"weights": [-0.2, 0.6, 0.6]},
    ],
)
def test_a_scoring_that_cannot_be_read_asks_and_is_never_the_usual_one(kept: dict[str, Any] | None) -> None:
    broken = named(VERSION, kept)
    assert broken.broken
    assert score(replace(GIVEN, threshold=0.9)).band == "proceed"
    asked = score(replace(GIVEN, threshold=0.9, scoring=broken))
    assert asked.band == "review" and any("cannot be read" in reason for reason in asked.reasons)


def test_a_recalibrated_report_counts_as_what_it_was_worth_and_the_reasons_say_so() -> None:
    scored = score(replace(GIVEN, scoring=replace(LEARNED, weights=None)))
    assert scored.low_confidence == pytest.approx(0.15)
    said = "It stated 0.95; of 190 judged ones that stated about as much 70% were right, so it counts as 0.70."
    assert said in scored.reasons
    bad = replace(GIVEN, report=SelfReport.model_construct(confidence=math.nan, unresolved_assumptions=()))
    assert score(replace(bad, scoring=LEARNED)).low_confidence == 0.5


def test_a_version_in_short_is_told_from_the_one_it_was_learned_on() -> None:
    assert in_short("0123456789abcdef") == "012345"
    assert in_short("0123456789abcdef.fedcba98") == "012345.fedcba"
