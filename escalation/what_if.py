"""A recorded score once more, with other weights or another threshold. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from core.errors import BadInput
from core.vocabulary import Band
from escalation.score import WEIGHTS, band_of


class Rescored(NamedTuple):
    total: float
    band: Band


def rescored(body: Mapping[str, Any], weights: Mapping[str, float] | None, threshold: float | None) -> Rescored:
    """From the body of an `escalation` event; None: as it was then. Where something else than the score decided (a
    fixed checkpoint, a stage, a task newer than what is certified), it decides again."""
    total = float(body["total"]) if weights is None else sum(weights[name] * body[name] for name in WEIGHTS)
    if body["band"] != band_of(body["total"], body["threshold"]):
        return Rescored(round(total, 4), body["band"])
    return Rescored(round(total, 4), band_of(round(total, 4), body["threshold"] if threshold is None else threshold))


def parse_weights(said: str) -> dict[str, float]:
    """Three shares of low confidence, novelty and history, such as "0.5,0.3,0.2". Raises BadInput."""
    try:
        shares = [float(share) for share in said.split(",")]
    except ValueError:
        shares = []
    if len(shares) != len(WEIGHTS) or not all(0 <= share <= 1 for share in shares) or not math.isclose(sum(shares), 1):
        raise BadInput(f"--weights takes three shares that make 1 ({', '.join(WEIGHTS)}), such as 0.5,0.3,0.2.")
    return dict(zip(WEIGHTS, shares, strict=True))


def checked_threshold(said: float) -> float:
    """Raises BadInput for what is no score."""
    if not 0 <= said <= 1:
        raise BadInput(f"--threshold is a score from 0 to 1, not {said}.")
    return said
