"""The three parts of the score, each 0..1 with 1 = ask a person."""

from __future__ import annotations

import math
from typing import Final

from core.actions import SelfReport

ASSUMPTIONS_THAT_FORCE_ASKING: Final = 3
_PRIOR_CHANGED: Final = 1
_PRIOR_KEPT: Final = 1


def low_confidence(report: SelfReport) -> float:
    """Mean of the parts present: 1 - self-report, and min(1, unresolved assumptions / 3).

    A model that gives no confidence has none: the part counts as 1, not as absent.
    """
    stated = report.confidence
    doubt = 1.0 if stated is None or not math.isfinite(stated) else 1.0 - min(1.0, max(0.0, stated))
    assumptions = min(1.0, len(report.unresolved_assumptions) / ASSUMPTIONS_THAT_FORCE_ASKING)
    return (doubt + assumptions) / 2


def historical_need(changed: int, decided: int) -> float:
    """Share of past tasks of the type that people changed: mean of Beta(1 + changed, 1 + kept); .5 with no history.

    Raises ValueError unless 0 <= changed <= decided.
    """
    if not 0 <= changed <= decided:
        raise ValueError(f"changed {changed} of {decided}")
    return (changed + _PRIOR_CHANGED) / (decided + _PRIOR_CHANGED + _PRIOR_KEPT)
