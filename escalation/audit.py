"""Looking afterwards at what ran alone: the coin, what it says of silent failures, and what reviewers overlook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from core.controls import Coin
from escalation.intervals import Interval, rate_interval
from escalation.signals import readable

USUAL: Final = 0.10
AFTER_A_RAISE: Final = 0.50
JUST_AFTER: Final = 200
"""Actions alone for which a raise counts as recent: at one audit in two, about the clean outcomes of a certificate."""


def probability(alone_since_raise: int, doubled: bool = False) -> float:
    """Chance that the next action alone is audited; `doubled` at elevated control quality. Never 0.

    A count that can't be (negative, as after a clock or counter went back) means a raise just now.
    """
    usual = USUAL if alone_since_raise >= JUST_AFTER else AFTER_A_RAISE
    return min(1.0, usual * 2) if doubled else usual


def toss(audit_probability: float, chance: float) -> Coin:
    """`chance`: uniform in [0, 1), given by the caller. A probability of 0, or what isn't one, audits for certain."""
    readable_probability = readable(audit_probability) or 1.0
    drawn = readable(chance)
    if drawn is None:
        return Coin(1.0, 0.0, True)
    return Coin(readable_probability, drawn, drawn < readable_probability)


class Audited(NamedTuple):
    """An audit that was answered, or given up as "unclear"."""

    verdict: str
    propensity: float


@dataclass(frozen=True, slots=True)
class SilentFailures:
    """Of what ran alone: `rate` is unbiased and may exceed 1 by chance; the interval is the statement to go by."""

    rate: float
    interval: Interval
    audited: int
    alone: int

    def __str__(self) -> str:
        rate = min(1.0, self.rate)
        return (
            f"{rate:.1%} silent failures among {self.alone} actions alone (95 %: {self.interval.low:.1%} to "
            f"{self.interval.high:.1%}, from {self.audited} audits, valid however often one looks)"
        )


def silent_failures(audits: Sequence[Audited], alone: int) -> SilentFailures:
    """Horvitz & Thompson (1952): each wrong or unclear audit stands for 1 / propensity actions alone.

    The interval is `rate_interval` over the audited outcomes themselves: the coin doesn't look at the action, so each
    audit is a fair draw from what ran alone at its time. An audit whose propensity isn't in (0, 1] is a loss that
    stands for itself alone.
    """
    losses = [audit for audit in audits if audit.verdict != "right" or not readable(audit.propensity)]
    weighted = sum(1.0 / (readable(audit.propensity) or 1.0) for audit in losses)
    rate = weighted / alone if alone > 0 else 1.0
    return SilentFailures(rate, rate_interval(len(losses), len(audits)), len(audits), alone)


@dataclass(frozen=True, slots=True)
class MissRate:
    """Known-bad proposals put among the reviews, and how many of them passed as right."""

    planted: int
    missed: int

    @property
    def interval(self) -> Interval:
        """95 %, valid however often one looks; 0 to 1 with nothing planted."""
        return rate_interval(self.missed, self.planted)


def corrected(bound: float, missed: MissRate | None) -> float:
    """A bound on the observed rate as a bound on the true one: reviewers who miss a share m see (1 - m) of the errors.

    Uses the upper end for m, so it holds when both intervals do. None leaves the bound as it is: nothing was planted.
    """
    if missed is None or missed.planted == 0:
        return bound
    seen = 1.0 - missed.interval.high
    return min(1.0, bound / seen) if seen > 0 else 1.0
