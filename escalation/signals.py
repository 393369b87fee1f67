"""The three parts of the score, each 0..1 with 1 = ask a person.

Everywhere None means "was not asked for"; a reading that was asked for and can't be used is UNREADABLE: it counts as 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.actions import SelfReport
from core.canonical import sha256, storable

ASSUMPTIONS_THAT_FORCE_ASKING: Final = 3
UNREADABLE: Final = math.nan
_PRIOR_CHANGED: Final = 1
_PRIOR_KEPT: Final = 1


@dataclass(frozen=True, slots=True)
class Samples:
    """Further samples of the same decision: how many were taken, how many came out as another action, and how many of
    those only because they could not be drawn."""

    taken: int
    differing: int
    failed: int = 0

    @property
    def disagreement(self) -> float:
        """Share of the samples that differ (self-consistency, Wang et al. 2023); impossible counts are full doubt."""
        return self.differing / self.taken if 0 <= self.differing <= self.taken and self.taken else 1.0


@dataclass(frozen=True, slots=True)
class Readings:
    """What was gathered of the model's certainty beside its self-report. The default is: nothing.

    `decisiveness`: of the wording, 0..1, as a second model reads it. `recalibrated`: see calibration.py.
    """

    samples: Samples | None = None
    decisiveness: float | None = None
    recalibrated: Callable[[float | None], float] | None = None


def readable(value: object) -> float | None:
    """`value` if it is a number from 0 to 1, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None


def doubt(value: float | None) -> float:
    """1 - value; whatever is not a number from 0 to 1 is full doubt."""
    known = readable(value)
    return 1.0 if known is None else 1.0 - known


def action_key(action: str, arguments: Mapping[str, Any]) -> str:
    """One action whatever its spelling: case, spaces and the order of lists and keys don't tell two samples apart."""
    return sha256({"action": action, "arguments": _normal(storable(dict(arguments)))})


def samples_of(proposed: str, others: Sequence[str | None]) -> Samples | None:
    """Compare the proposal's `action_key` with the other samples'; a sample that failed (None or "") differs."""
    if not others:
        return None
    return Samples(len(others), sum(other != proposed for other in others), sum(not other for other in others))


def mean_of_present(parts: Mapping[str, float | None]) -> float:
    """Mean of the parts that are not None; what cannot be read counts as 1, and so does nothing at all."""
    present = [value for value in parts.values() if value is not None]
    known = [readable(value) for value in present]
    return sum(1.0 if value is None else value for value in known) / len(known) if known else 1.0


def confidence_parts(report: SelfReport, readings: Readings) -> dict[str, float | None]:
    """Self-report (recalibrated when that is known), assumptions, disagreement over samples, wording; 1 = doubt.

    Hedging words are not counted: on real answers their number carries no signal.
    """
    stated = report.confidence
    meant = readings.recalibrated(stated) if readings.recalibrated else stated
    return {
        "self_report": doubt(meant),
        "assumptions": min(1.0, len(report.unresolved_assumptions) / ASSUMPTIONS_THAT_FORCE_ASKING),
        "disagreement": readings.samples.disagreement if readings.samples else None,
        "wording": None if readings.decisiveness is None else doubt(readings.decisiveness),
    }


def low_confidence(report: SelfReport, readings: Readings | None = None) -> float:
    """Mean of the parts present.

    A model that gives no confidence, or one outside 0..1, has none: the part counts as 1, not as absent.
    """
    return mean_of_present(confidence_parts(report, readings or Readings()))


def historical_need(changed: int, decided: int) -> float:
    """Share of similar past tasks that people changed: mean of Beta(1 + changed, 1 + kept); .5 with no history.

    Raises ValueError unless 0 <= changed <= decided.
    """
    if not 0 <= changed <= decided:
        raise ValueError(f"changed {changed} of {decided}")
    return (changed + _PRIOR_CHANGED) / (decided + _PRIOR_CHANGED + _PRIOR_KEPT)


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.casefold().split())
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_normal(item) for item in value), key=repr)
    return value
