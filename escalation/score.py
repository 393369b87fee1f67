"""The score of the source text: equal weights, three bands, and reasons in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from core.actions import Score, SelfReport
from core.ports import NoveltyReading
from core.vocabulary import Band
from escalation.signals import Readings, historical_need, low_confidence, readable

WEIGHTS: Final = {"low_confidence": 1 / 3, "novelty": 1 / 3, "historical_need": 1 / 3}
BLOCK_ABOVE: Final = 0.85
"""Above this a proposal cannot be approved as it stands: a person edits or rejects it."""

UNDECIDED_UNDER: Final = 0.7
"""Decisiveness of the wording under which a reviewer is told of it."""


@dataclass(frozen=True, slots=True)
class Signals:
    """All the score depends on. `threshold`: the certified score up to which the type acts alone, None for none.

    `weights`: None for the equal ones of the source text; others are learned and switched on (weights.py).
    """

    report: SelfReport
    novelty: NoveltyReading
    changed: int
    decided: int
    threshold: float | None
    evidence_reasons: tuple[str, ...] = ()
    readings: Readings | None = None
    weights: Mapping[str, float] | None = None


def score(signals: Signals) -> Score:
    """Escalation score with its band and reasons. Nothing certified: anything up to BLOCK_ABOVE is reviewed.

    The band is decided on the rounded total, so that the recorded number is the one that decided.
    """
    weights = signals.weights or WEIGHTS
    novelty = readable(signals.novelty.novelty)
    parts = {
        "low_confidence": low_confidence(signals.report, signals.readings),
        "novelty": 1.0 if novelty is None else novelty,
        "historical_need": historical_need(signals.changed, signals.decided),
    }
    total = round(sum(weights[name] * value for name, value in parts.items()), 4)
    rounded = {name: round(value, 4) for name, value in parts.items()}
    threshold = readable(signals.threshold)
    band = band_of(total, threshold)
    return Score(
        **rounded, total=total, threshold=threshold, band=band, reasons=_reasons(signals, threshold, band, total)
    )


def band_of(total: float, threshold: float | None) -> Band:
    if total > BLOCK_ABOVE:
        return "block"
    return "proceed" if threshold is not None and total <= threshold else "review"


def _reasons(signals: Signals, threshold: float | None, band: Band, total: float) -> tuple[str, ...]:
    assumptions = signals.report.unresolved_assumptions
    said = list(signals.evidence_reasons)
    if assumptions:
        plural = "assumption is" if len(assumptions) == 1 else "assumptions are"
        said.append(f"{len(assumptions)} {plural} unresolved: {'; '.join(each.rstrip('.') for each in assumptions)}.")
    if readable(signals.report.confidence) is None:
        said.append("The model gave no confidence, which counts as none.")
    said.extend(_reading_reasons(signals.readings) if signals.readings else ())
    said.append(_novelty_reason(signals.novelty))
    if signals.decided:
        said.append(f"People changed {signals.changed} of {signals.decided} earlier proposals of this kind.")
    said.append(_band_reason(band, total, threshold))
    return tuple(said)


def _reading_reasons(readings: Readings) -> list[str]:
    said = []
    if readings.samples and readings.samples.differing:
        said.append(f"{readings.samples.differing} of {readings.samples.taken} further samples chose something else.")
    if readings.decisiveness is not None:
        decisive = readable(readings.decisiveness)
        if decisive is None:
            said.append("How decided the wording is could not be read, which counts as undecided.")
        elif decisive < UNDECIDED_UNDER:
            said.append(f"A second reader finds the wording undecided ({decisive:.2f} of 1).")
    return said


def _novelty_reason(reading: NoveltyReading) -> str:
    if not reading.similar:
        return f"Nothing like it was decided before ({reading.note}), so novelty counts in full."
    return f"Novelty {reading.novelty:.2f} against {reading.similar} earlier tasks of this kind ({reading.note})."


def _band_reason(band: Band, total: float, threshold: float | None) -> str:
    match band:
        case "proceed":
            return f"Score {total:.2f} is within {threshold:.2f}, up to which this task acts alone."
        case "block":
            return f"Score {total:.2f} is above {BLOCK_ABOVE:.2f}: it can be edited or rejected, not approved."
        case "review" if threshold is None:
            return f"Score {total:.2f}; nothing is certified for this task yet, so any score asks."
        case "review":
            return f"Score {total:.2f} is above {threshold:.2f}, up to which this task acts alone."
        case _:
            assert_never(band)
