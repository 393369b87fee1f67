"""The score of the source text: equal weights, three bands, and reasons in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple, assert_never

from core.actions import Score, SelfReport
from core.ports import UNUSABLE, NoveltyReading
from core.vocabulary import Band
from escalation.scoring import USUAL, Scoring
from escalation.signals import Readings, Samples, historical_need, low_confidence, readable

FORM: Final = 2
"""Of the parts; a certificate speaks of scores of one form. 2: the history is that of the tasks most like this one."""
WEIGHTS: Final = {"low_confidence": 1 / 3, "novelty": 1 / 3, "historical_need": 1 / 3}
BLOCK_ABOVE: Final = 0.85
"""Above this a proposal cannot be approved as it stands: a person edits or rejects it."""

UNDECIDED_UNDER: Final = 0.7
"""Decisiveness of the wording, and confidence, under which a reviewer is told of it."""
FAR: Final = 0.6
NEAR: Final = 0.3
"""Novelty from which there is nothing like it, and up to which there is."""
_SPELLED: Final = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Words(NamedTuple):
    """What is decided (`angle`; "" says it in general) and what a task is (`keyword`), for the reasons."""

    decides: str = ""
    unit: str = "task"


IN_GENERAL: Final = Words()


@dataclass(frozen=True, slots=True)
class Signals:
    """All the score depends on. `threshold`: the certified score up to which the type acts alone, None for none.

    `scoring`: the usual one of the source text, or what was learned from outcomes and switched on.
    """

    report: SelfReport
    novelty: NoveltyReading
    changed: int
    decided: int
    threshold: float | None
    evidence_reasons: tuple[str, ...] = ()
    readings: Readings | None = None
    scoring: Scoring = USUAL
    farthest: float | None = None
    """The novelty up to which the certificate speaks; None for no such limit."""
    words: Words = IN_GENERAL
    alike: bool = False
    """Whether `changed` and `decided` are of the tasks most like this one, not of the type's last ones."""


def score(signals: Signals) -> Score:
    """Escalation score with its band and reasons. Nothing certified: anything up to BLOCK_ABOVE is reviewed.

    The band is decided on the rounded total, so that the recorded number is the one that decided.
    """
    weights = signals.scoring.weights.as_mapping() if signals.scoring.weights else WEIGHTS
    readings = replace(signals.readings or Readings(), recalibrated=signals.scoring.calibration)
    novelty = readable(signals.novelty.novelty)
    parts = {
        "low_confidence": low_confidence(signals.report, readings),
        "novelty": 1.0 if novelty is None else novelty,
        "historical_need": historical_need(signals.changed, signals.decided),
    }
    total = round(sum(weights[name] * value for name, value in parts.items()), 4)
    rounded = {name: round(value, 4) for name, value in parts.items()}
    threshold = None if signals.scoring.broken else readable(signals.threshold)
    band = band_of(total, threshold)
    if band == "proceed" and too_new(signals):
        band = "review"
    return Score(
        **rounded, total=total, threshold=threshold, band=band, reasons=_reasons(signals, threshold, band, total)
    )


def band_of(total: float, threshold: float | None) -> Band:
    if total > BLOCK_ABOVE:
        return "block"
    return "proceed" if threshold is not None and total <= threshold else "review"


def too_new(signals: Signals) -> bool:
    """Whether the task is newer than those that the certificate rests on: then it says nothing of this one."""
    if signals.farthest is None:
        return False
    novelty, farthest = readable(signals.novelty.novelty), readable(signals.farthest)
    return novelty is None or farthest is None or round(novelty, 4) > farthest


def _reasons(signals: Signals, threshold: float | None, band: Band, total: float) -> tuple[str, ...]:
    assumptions = signals.report.unresolved_assumptions
    said = list(signals.evidence_reasons)
    if assumptions:
        plural = "assumption is" if len(assumptions) == 1 else "assumptions are"
        said.append(f"{len(assumptions)} {plural} unresolved: {'; '.join(each.rstrip('.') for each in assumptions)}.")
    if signals.scoring.broken:
        said.append(f"How it is scored cannot be read ({signals.scoring.broken}), so a person is asked.")
    said.extend(_stated_reason(signals))
    said.extend(_reading_reasons(signals.readings, signals.words) if signals.readings else ())
    said.append(_novelty_reason(signals.novelty, signals.words.unit))
    if signals.decided:
        whose = f"for the {signals.words.unit}s most like it" if signals.alike else "of this kind"
        said.append(f"People changed {signals.changed} of {signals.decided} earlier proposals {whose}.")
    if band == "review" and threshold is not None and total <= threshold:
        said.append(_too_new_reason(signals, total, threshold))
    else:
        said.append(_band_reason(band, total, threshold))
    return tuple(said)


def _stated_reason(signals: Signals) -> list[str]:
    stated = readable(signals.report.confidence)
    if stated is None:
        return ["The model gave no confidence, which counts as none."]
    said = [f"The model itself is not sure ({stated:.2f} of 1)."] if stated < UNDECIDED_UNDER else []
    if (calibration := signals.scoring.calibration) is not None:
        step = calibration.step(stated)
        of = f"of {step.labels} judged ones that stated about as much {step.rate:.0%} were right" if step else "few did"
        said.append(f"It stated {stated:.2f}; {of}, so it counts as {calibration(stated):.2f}.")
    return said


def _reading_reasons(readings: Readings, words: Words) -> list[str]:
    said = [*_samples_reasons(readings.samples, words.decides)] if readings.samples else []
    if readings.decisiveness is not None:
        decisive = readable(readings.decisiveness)
        if decisive is None:
            said.append("How decided the wording is could not be read, which counts as undecided.")
        elif decisive < UNDECIDED_UNDER:
            said.append(f"A second reader finds the wording undecided ({decisive:.2f} of 1).")
    return said


def _samples_reasons(samples: Samples, decides: str) -> list[str]:
    said, other = [], samples.differing - samples.failed
    if other:
        what = f"another {decides}" if decides else "something else"
        said.append(f"{_counted(other)} of {_counted(samples.taken)} further samples chose {what}.".capitalize())
    if samples.failed:
        failed = f"{_counted(samples.failed)} of {_counted(samples.taken)}".capitalize()
        said.append(f"{failed} further samples could not be drawn, which counts as another choice.")
    return said


def _counted(number: int) -> str:
    return _SPELLED[number] if 0 <= number < len(_SPELLED) else str(number)


def _novelty_reason(reading: NoveltyReading, unit: str) -> str:
    if reading.note.startswith(UNUSABLE):
        return f"Whether there was anything like it cannot be told: {reading.note}."
    if not reading.similar:
        return f"Nothing like it was decided before ({reading.note}), so novelty counts in full."
    past = f"{reading.similar} past {unit}s" if reading.similar > 1 else f"the one past {unit}"
    measured = f"novelty {reading.novelty:.2f}, {reading.note}"
    known = readable(reading.novelty)
    if known is None or known >= FAR:
        return f"Nothing like it among {past} ({measured})."
    nearest = f"the nearest of {past}" if reading.similar > 1 else past
    return f"{'Much' if known <= NEAR else 'Somewhat'} like {nearest} ({measured})."


def _too_new_reason(signals: Signals, total: float, threshold: float) -> str:
    return (
        f"Score {total:.2f} is within {threshold:.2f}, but this {signals.words.unit} is newer than those that the "
        f"certificate rests on (novelty up to {signals.farthest:.2f}), so it says nothing of this one."
    )


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
