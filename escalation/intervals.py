"""An interval for a rate that stays valid however often one looks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

MISS: Final = 0.05
"""The chance that an interval ever leaves the truth outside: 95 %."""
_HALVINGS: Final = 60


class Interval(NamedTuple):
    low: float
    high: float

    def __contains__(self, rate: object) -> bool:
        return isinstance(rate, float) and self.low <= rate <= self.high


def rate_interval(hits: int, trials: int) -> Interval:
    """95 % confidence sequence for the rate behind `hits` of `trials` 0/1 outcomes.

    Beta(1/2, 1/2) mixture: every rate m whose mixture martingale B(h+1/2, n-h+1/2) / B(1/2, 1/2) / (m^h (1-m)^(n-h)) is
    under 20 (Robbins 1970; Howard, Ramdas, McAuliffe & Sekhon 2021). Impossible counts say nothing: 0 to 1.
    """
    if not 0 <= hits <= trials or trials == 0:
        return Interval(0.0, 1.0)
    centre = hits / trials
    low = 0.0 if hits == 0 else _edge(lambda rate: _against(rate, hits, trials), 0.0, centre)
    high = 1.0 if hits == trials else _edge(lambda rate: _against(rate, hits, trials), 1.0, centre)
    return Interval(low, high)


def _edge(against: Callable[[float], bool], outside: float, inside: float) -> float:
    """The rate nearest `outside` that is not ruled out, to 2^-60, rounded outwards."""
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if against(middle) else (outside, middle)
    return outside


def _against(rate: float, hits: int, trials: int) -> bool:
    if not 0 < rate < 1:
        return True
    clean = trials - hits
    mixture = math.lgamma(hits + 0.5) + math.lgamma(clean + 0.5) - math.lgamma(trials + 1.0) - math.log(math.pi)
    return mixture - hits * math.log(rate) - clean * math.log1p(-rate) >= -math.log(MISS)
