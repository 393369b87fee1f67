"""The score of the source text: equal weights, three bands, and reasons in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from core.actions import Score, SelfReport
from core.ports import NoveltyReading
from core.vocabulary import Band
from escalation.signals import historical_need, low_confidence

WEIGHTS: Final = {"low_confidence": 1 / 3, "novelty": 1 / 3, "historical_need": 1 / 3}
BLOCK_ABOVE: Final = 0.85
"""Above this a proposal cannot be approved as it stands: a person edits or rejects it."""


@dataclass(frozen=True, slots=True)
class Signals:
    """All the score depends on. `threshold`: the certified score up to which the type acts alone, None for none."""

    report: SelfReport
    novelty: NoveltyReading
    changed: int
    decided: int
    threshold: float | None
    evidence_reasons: tuple[str, ...] = ()


def score(signals: Signals) -> Score:
    """Escalation score with its band and reasons. Nothing certified: anything up to BLOCK_ABOVE is reviewed."""
    parts = {
        "low_confidence": low_confidence(signals.report),
        "novelty": signals.novelty.novelty,
        "historical_need": historical_need(signals.changed, signals.decided),
    }
    total = sum(WEIGHTS[name] * value for name, value in parts.items())
    rounded = {name: round(value, 4) for name, value in parts.items()}
    band = band_of(total, signals.threshold)
    return Score(
        **rounded, total=round(total, 4), threshold=signals.threshold, band=band, reasons=_reasons(signals, band, total)
    )


def band_of(total: float, threshold: float | None) -> Band:
    if total > BLOCK_ABOVE:
        return "block"
    return "proceed" if threshold is not None and total <= threshold else "review"


def _reasons(signals: Signals, band: Band, total: float) -> tuple[str, ...]:
    assumptions = signals.report.unresolved_assumptions
    said = list(signals.evidence_reasons)
    if assumptions:
        plural = "assumption is" if len(assumptions) == 1 else "assumptions are"
        said.append(f"{len(assumptions)} {plural} unresolved: {'; '.join(each.rstrip('.') for each in assumptions)}.")
    if signals.report.confidence is None:
        said.append("The model gave no confidence, which counts as none.")
    said.append(_novelty_reason(signals.novelty))
    if signals.decided:
        said.append(f"People changed {signals.changed} of {signals.decided} earlier proposals of this kind.")
    said.append(_band_reason(band, total, signals.threshold))
    return tuple(said)


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
