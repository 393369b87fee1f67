"""How the parts of one task type's score are made and weighed, where something was learned from its outcomes.

A scoring is part of the behaviour version: a version with one is written `base.fingerprint`. What is certified at some
score is certified for that very scoring, so another one begins with no evidence; and the outcomes it was fitted on are
in another version's log, so that they never speak for it twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from core.canonical import sha256
from escalation.calibration import Calibration, Step
from escalation.signals import readable
from escalation.weights import EQUAL, Weights

_LENGTH: Final = 8
_BETWEEN: Final = "."
_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Scoring:
    """`labels`: outcomes it was learned from. `broken`: why it cannot be used; every score asks then."""

    calibration: Calibration | None = None
    weights: Weights | None = None
    labels: int = 0
    broken: str = ""

    @property
    def fingerprint(self) -> str:
        return sha256(self.to_json())[:_LENGTH]

    def to_json(self) -> dict[str, Any]:
        return {
            "steps": None if self.calibration is None else [list(step) for step in self.calibration.steps],
            "weights": None if self.weights is None else list(self.weights.values),
            "labels": self.labels,
            **({"broken": self.broken} if self.broken else {}),
        }


USUAL: Final = Scoring()
"""The self-report as it is, and equal weights."""


def from_json(said: Mapping[str, Any]) -> Scoring:
    """What `to_json` wrote. Raises ValueError, TypeError or KeyError for what no release has written."""
    labels = int(said["labels"])
    calibration = None if said["steps"] is None else _calibration([Step(*step) for step in said["steps"]])
    weights = None if said["weights"] is None else _weights(tuple(said["weights"]), labels)
    return Scoring(calibration, weights, labels, str(said.get("broken", "")))


def with_scoring(base: str, scoring: Scoring) -> str:
    """The behaviour version `base` under `scoring`."""
    return base if scoring == USUAL else f"{base}{_BETWEEN}{scoring.fingerprint}"


def base_of(version: str) -> str:
    """The behaviour version without what was learned."""
    return version.partition(_BETWEEN)[0]


def is_learned(version: str) -> bool:
    return _BETWEEN in version


def in_short(version: str) -> str:
    """Enough of a version to tell it from others by, what was learned included: `a1b2c3` or `a1b2c3.d4e5f6`."""
    return _BETWEEN.join(part[:_SHOWN] for part in version.split(_BETWEEN))


def named(version: str, stored: Mapping[str, Any] | None) -> Scoring:
    """The scoring that a version names, from what is `stored` of it. One that is missing, makes no sense or is not what
    the version names is broken, never the usual one: that might be laxer."""
    if not is_learned(version):
        return USUAL
    if stored is None:
        return Scoring(broken="it is not in the database")
    try:
        found = from_json(stored)
    except (ValueError, TypeError, KeyError):
        return Scoring(broken="what is stored of it makes no sense")
    if found.fingerprint != version.partition(_BETWEEN)[2]:
        return Scoring(broken="what is stored is another one")
    return found


def _calibration(steps: list[Step]) -> Calibration:
    rising = all(before.start < after.start and before.rate <= after.rate for before, after in pairwise(steps))
    if not steps or not rising or any(readable(value) is None for step in steps for value in step[:2]):
        raise ValueError(steps)
    return Calibration(tuple(steps))


def _weights(values: tuple[float, ...], labels: int) -> Weights:
    if len(values) != len(EQUAL) or any(readable(value) is None for value in values):
        raise ValueError(values)
    if not math.isclose(math.fsum(values), 1, abs_tol=1e-4):
        raise ValueError(values)
    return Weights((values[0], values[1], values[2]), labels)
