"""What would have let a scored proposal pass: one part of its score lower, the others as they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from escalation.score import WEIGHTS


def enough(
    parts: Mapping[str, float], threshold: float | None, weights: Mapping[str, float] = WEIGHTS
) -> dict[str, float]:
    """Part -> the most it may be for the score to be within `threshold` (0..1); none when no single part is enough."""
    if threshold is None:
        return {}
    total = sum(weight * parts[name] for name, weight in weights.items())
    most = {name: parts[name] - (total - threshold) / weight for name, weight in weights.items() if weight > 0}
    return {name: round(value, 4) for name, value in most.items() if 0 <= value < parts[name]}
