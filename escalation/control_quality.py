"""How well people still steer a task type: the worst of its signals, in bands, slow to recover.

Composite control quality after "The Controllability Trap" (a governance framework): it drives a graduated response.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, assert_never, get_args

from core.vocabulary import Authority
from escalation.signals import readable

Band = Literal["safe", "minimal", "restricted", "elevated", "normal"]
Signal = Literal["agreement", "corrections", "freshness", "irreversibility", "memory", "failures"]
BANDS: Final[tuple[Band, ...]] = get_args(Band)
SIGNALS: Final[tuple[Signal, ...]] = get_args(Signal)
ABOVE: Final[Mapping[Band, float]] = {"normal": 0.8, "elevated": 0.6, "restricted": 0.4, "minimal": 0.2}
"""A band holds while the quality is above its limit; at the limit itself it is lost."""
MARGIN: Final = 0.05
"""To climb, quality must be this much above the limit of the band climbed to."""
CALM: Final = 20
"""Actions in a row at which quality must allow the next band before it is climbed to; doubled with every fall."""
_CALMEST: Final = 16
SYNC_LASTS: Final = 400
"""Actions after which the last human sync is worth nothing: above .8 for the first 80, under .4 after 240."""
_PRIOR_GOOD: Final = 9
_PRIOR_BAD: Final = 1


def rate_signal(good: int, bad: int) -> float:
    """Agreement, corrections that held, calls that succeeded: mean of Beta(9 + good, 1 + bad); impossible counts are 0.

    The prior starts a newcomer at .9: one bad event changes nothing, two double the audits, five restrict the type.
    """
    return 0.0 if good < 0 or bad < 0 else (_PRIOR_GOOD + good) / (_PRIOR_GOOD + _PRIOR_BAD + good + bad)


def freshness(actions_since_sync: int) -> float:
    """Falls linearly with actions, not hours; a count that went back to below zero is no sync at all."""
    return max(0.0, 1.0 - actions_since_sync / SYNC_LASTS) if actions_since_sync >= 0 else 0.0


def budget_left(spent: int, limit: int) -> float:
    """Share of the irreversibility budget that is left; 1 where nothing irreversible is allowed or done."""
    if limit <= 0:
        return 1.0 if spent == 0 else 0.0
    return min(1.0, max(0.0, 1.0 - spent / limit)) if spent >= 0 else 0.0


def coherence(open_conflicts: int) -> float:
    """1 without a memory conflict; one open conflict restricts, three leave each action to a person."""
    return 1.0 / (1 + open_conflicts) if open_conflicts >= 0 else 0.0


@dataclass(frozen=True, slots=True)
class Quality:
    """Band in force. `calm`: actions in a row that allow more; `falls` since a person last re-synchronised."""

    band: Band = "normal"
    value: float = 1.0
    weakest: Signal | None = None
    calm: int = 0
    falls: int = 0


def measure(signals: Mapping[str, float | None]) -> tuple[float, Signal]:
    """(value, weakest signal). A signal that is missing or isn't in 0..1 is 0."""
    values = {name: readable(signals.get(name)) or 0.0 for name in SIGNALS}
    weakest = min(SIGNALS, key=lambda name: values[name])
    return values[weakest], weakest


def after_action(quality: Quality, signals: Mapping[str, float | None]) -> Quality:
    """The band after one more action: falls at once and as far as it must, climbs one band at a time.

    Each climb takes CALM actions in a row above the next limit plus MARGIN, twice as many after every fall: whoever can
    push a signal down and up gains nothing, since the type only stays restricted for longer. The safe state is left
    only by `resynchronised`.
    """
    value, weakest = measure(signals)
    now = replace(quality, value=value, weakest=weakest)
    held = _band_of(value)
    if BANDS.index(held) < BANDS.index(quality.band):
        return replace(now, band=held, calm=0, falls=quality.falls + 1)
    if quality.band in ("safe", "normal") or value <= ABOVE[_next(quality.band)] + MARGIN:
        return replace(now, calm=0)
    if quality.calm + 1 < CALM * min(_CALMEST, 2**quality.falls):
        return replace(now, calm=quality.calm + 1)
    return replace(now, band=_next(quality.band), calm=0)


def resynchronised(signals: Mapping[str, float | None]) -> Quality:
    """A person has looked and said go on: the band that the signals allow now, and past falls forgiven."""
    value, weakest = measure(signals)
    return Quality(_band_of(value), value, weakest)


def cap(band: Band) -> Authority:
    """What the band still permits without a person; `restricted` is reversible only."""
    match band:
        case "normal" | "elevated":
            return "execute"
        case "restricted":
            return "prefill"
        case "minimal":
            return "suggest"
        case "safe":
            return "observe"
        case _:
            assert_never(band)


def audits_doubled(band: Band) -> bool:
    return band != "normal"


def _band_of(value: float) -> Band:
    return next((band for band in reversed(BANDS) if band != "safe" and value > ABOVE[band]), "safe")


def _next(band: Band) -> Band:
    return BANDS[min(BANDS.index(band) + 1, len(BANDS) - 1)]
