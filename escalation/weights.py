"""Weights of the score learned from outcomes. Off until there are labels and someone switches them on (scoring.py).

They are part of the behaviour version: other weights, another version, and its certificates start anew.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from core.canonical import sha256

LABELS_NEEDED: Final = 200
RIDGE: Final = 200.0
"""Pull towards equal weights, in labels: at 200 labels data and prior count about the same."""
NAMES: Final = ("low_confidence", "novelty", "historical_need")
EQUAL: Final = (1 / 3, 1 / 3, 1 / 3)
_ROUNDS: Final = 200


class Judged(NamedTuple):
    """The three parts of one score in the order of NAMES, whether the proposal was wrong, the chance it was judged."""

    parts: tuple[float, float, float]
    wrong: bool
    propensity: float = 1.0


@dataclass(frozen=True, slots=True)
class Weights:
    """Never negative, sum 1. `version` names these very numbers; `labels` is how many they were learned from."""

    values: tuple[float, float, float]
    labels: int

    @property
    def version(self) -> str:
        return "equal" if self.values == EQUAL else f"learned-{sha256(list(self.values))[:12]}"

    def as_mapping(self) -> dict[str, float]:
        return dict(zip(NAMES, self.values, strict=True))


def learn(judged: Sequence[Judged]) -> Weights:
    """Least squares of wrong on the parts, weighted by 1 / propensity, none negative, scaled to sum 1.

    A ridge (Hoerl & Kennard 1970) pulls towards equal weights. Equal with fewer than LABELS_NEEDED usable labels, or
    when a higher equal-weight score doesn't go with more errors.
    """
    usable = [one for one in judged if _usable(one)]
    if len(usable) < LABELS_NEEDED:
        return Weights(EQUAL, len(usable))
    gram, moments, spread = _moments(usable)
    slope = sum(moments) / 3 / max(1e-12, sum(map(sum, gram)) / 9)
    if slope <= 0:
        return Weights(EQUAL, len(usable))
    prior = slope / 3
    fitted = _descend(gram, moments, prior, RIDGE / len(usable) * spread)
    total = math.fsum(fitted)
    values = tuple(round(value / total, 6) for value in fitted) if total > 0 else EQUAL
    return Weights((values[0], values[1], values[2]), len(usable))


def _usable(one: Judged) -> bool:
    return 0 < one.propensity <= 1 and all(0 <= part <= 1 for part in one.parts)


def _moments(judged: Sequence[Judged]) -> tuple[list[list[float]], list[float], float]:
    """Covariances of the parts with each other and with `wrong`, and the mean variance of a part."""
    weights = [1 / one.propensity for one in judged]
    total = math.fsum(weights)
    columns = [[one.parts[index] for one in judged] for index in range(3)] + [[float(one.wrong) for one in judged]]
    centred = []
    for column in columns:
        mean = math.fsum(w * x for w, x in zip(weights, column, strict=True)) / total
        centred.append([x - mean for x in column])

    def covariance(one: list[float], other: list[float]) -> float:
        return math.fsum(w * x * y for w, x, y in zip(weights, one, other, strict=True)) / total

    gram = [[covariance(centred[row], centred[column]) for column in range(3)] for row in range(3)]
    moments = [covariance(centred[row], centred[3]) for row in range(3)]
    return gram, moments, sum(gram[index][index] for index in range(3)) / 3


def _descend(gram: list[list[float]], moments: list[float], prior: float, ridge: float) -> list[float]:
    """Coordinate descent with each coordinate kept at or above 0; a fixed number of rounds, so always the same."""
    beta = [prior] * 3
    for _ in range(_ROUNDS):
        for index in range(3):
            rest = sum(gram[index][other] * beta[other] for other in range(3) if other != index)
            curvature = gram[index][index] + ridge
            beta[index] = max(0.0, (moments[index] - rest + ridge * prior) / curvature) if curvature > 0 else prior
    return beta
