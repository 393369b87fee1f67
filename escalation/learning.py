"""What can be learned of scoring from a task type's labelled outcomes, and whether it would help. Pure.

Each fifth of the log is held out in turn and scored by what the other four teach, so the figures are of outcomes that
the fit has not seen. What does not help there is not proposed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, NamedTuple

from core.actions import SelfReport
from escalation.calibration import ENOUGH, Calibration, Label, calibrate
from escalation.scoring import USUAL, Scoring
from escalation.signals import Readings, Samples, low_confidence, readable
from escalation.weights import EQUAL, LABELS_NEEDED, Judged, learn

FOLDS: Final = 5
NEEDED: Final = max(ENOUGH, LABELS_NEEDED) * FOLDS // (FOLDS - 1)
"""Labelled outcomes from which anything is learned: four fifths of them are enough for either fit."""
WRONG_NEEDED: Final = 10
"""Wrong or unclear ones without which nothing can be said of how well a score finds them."""


class Past(NamedTuple):
    """One labelled outcome. `report` is None when the proposal is not kept: then only its parts are used."""

    parts: tuple[float, float, float]
    wrong: bool
    propensity: float = 1.0
    report: SelfReport | None = None
    samples: Samples | None = None


class Gain(NamedTuple):
    """A figure on held-out outcomes: as it is, and as it would be."""

    usual: float
    learned: float


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a log teaches. `brier`: error of the self-report, 0..1, less is better; None when it is not recalibrated.
    `auroc`: how often a wrong one scores above a right one, more is better; None when the weights stay equal."""

    labels: int
    wrong: int
    scoring: Scoring = USUAL
    brier: Gain | None = None
    auroc: Gain | None = None
    missing: str = ""
    """Why nothing is learned; empty when something is."""


def lesson(log: Sequence[Past]) -> Lesson:
    """From the labelled outcomes of one behaviour version, oldest first."""
    wrong = sum(one.wrong for one in log)
    nothing = Lesson(len(log), wrong)
    if len(log) < NEEDED:
        return replace(nothing, missing=f"{NEEDED - len(log)} more labelled outcomes, {NEEDED} in all")
    if wrong < WRONG_NEEDED:
        return replace(nothing, missing=f"{WRONG_NEEDED - wrong} more that are wrong or unclear: there are {wrong}")
    brier = _of_the_report(log)
    calibration = calibrate(_labels(log)) if brier and brier.learned < brier.usual else None
    auroc = _of_the_weights(log, recalibrating=calibration is not None)
    better = auroc is not None and auroc.learned > auroc.usual
    weights = learn(_judged(log, calibration)) if better else None
    weights = None if weights is None or weights.values == EQUAL else replace(weights, labels=len(log))
    if calibration is None and weights is None:
        return replace(nothing, missing="anything that would have helped on the outcomes that were held out")
    scoring = Scoring(calibration, weights, len(log))
    return replace(
        nothing,
        scoring=scoring,
        brier=brier if calibration is not None else None,
        auroc=auroc if weights is not None else None,
    )


def auroc(scored: Iterable[tuple[float, bool, float]]) -> float:
    """Chance that a wrong one scores above a right one, ties half (Mann & Whitney 1947). Each: score, wrong, weight;
    .5 when all are one or the other."""
    ordered = sorted(scored)
    wrong_total = math.fsum(weight for _, wrong, weight in ordered if wrong)
    right_total = math.fsum(weight for _, wrong, weight in ordered if not wrong)
    if not wrong_total or not right_total:
        return 0.5
    wins, right_below = 0.0, 0.0
    for _, tied in groupby(ordered, key=lambda one: one[0]):
        here = list(tied)
        wrong_here = math.fsum(weight for _, wrong, weight in here if wrong)
        right_here = math.fsum(weight for _, wrong, weight in here if not wrong)
        wins += wrong_here * (right_below + right_here / 2)
        right_below += right_here
    return wins / (wrong_total * right_total)


def _of_the_report(log: Sequence[Past]) -> Gain | None:
    """Brier score of what was stated; None when too few stated anything."""
    usual, learned, total = 0.0, 0.0, 0.0
    for held, rest in _folds(log):
        if (fitted := calibrate(_labels(rest))) is None:
            return None
        for stated, right, propensity in _labels(held):
            usual += (stated - right) ** 2 / propensity
            learned += (fitted(stated) - right) ** 2 / propensity
            total += 1 / propensity
    return Gain(usual / total, learned / total) if total else None


def _of_the_weights(log: Sequence[Past], *, recalibrating: bool) -> Gain | None:
    """AUROC of the score with equal and with learned weights, over the same recalibrated parts."""
    usual, learned = list[tuple[float, bool, float]](), list[tuple[float, bool, float]]()
    for held, rest in _folds(log):
        calibration = calibrate(_labels(rest)) if recalibrating else None
        weights = learn(_judged(rest, calibration))
        for one in _judged(held, calibration):
            usual.append((_total(one, EQUAL), one.wrong, 1 / one.propensity))
            learned.append((_total(one, weights.values), one.wrong, 1 / one.propensity))
    return Gain(auroc(usual), auroc(learned))


def _folds(log: Sequence[Past]) -> Iterable[tuple[list[Past], list[Past]]]:
    for fold in range(FOLDS):
        held = [one for place, one in enumerate(log) if place % FOLDS == fold]
        yield held, [one for place, one in enumerate(log) if place % FOLDS != fold]


def _labels(log: Iterable[Past]) -> list[Label]:
    stated = ((readable(one.report.confidence) if one.report else None, one) for one in log)
    return [Label(value, not one.wrong, one.propensity) for value, one in stated if value is not None]


def _judged(log: Iterable[Past], calibration: Calibration | None) -> list[Judged]:
    return [Judged(_parts(one, calibration), one.wrong, one.propensity) for one in log]


def _parts(one: Past, calibration: Calibration | None) -> tuple[float, float, float]:
    if calibration is None or one.report is None:
        return one.parts
    return (low_confidence(one.report, Readings(one.samples, recalibrated=calibration)), *one.parts[1:])


def _total(one: Judged, weights: tuple[float, float, float]) -> float:
    return math.fsum(weight * part for weight, part in zip(weights, one.parts, strict=True))
