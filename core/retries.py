"""How long to wait between attempts. Pure: chance is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential with jitter, or what the far side asked for. All in seconds."""

    max_retries: int = 2
    base: float = 0.5
    longest: float = 60.0

    def delay(self, retry: int, asked: float | None, draw: float) -> float | None:
        """The wait before retry number `retry` (from 0); None: give up. `draw` is uniform in 0..1.

        Half of base * 2^retry is fixed, half is drawn. Who asks for more than `longest` is not waited for.
        """
        if retry >= self.max_retries or (asked is not None and asked > self.longest):
            return None
        return asked if asked is not None else min(self.longest, self.base * 2**retry) * (1 + draw) / 2


POSTPONEMENTS: Final = (10.0, 60.0, 300.0, 1800.0, 7200.0)
"""Seconds until a thread is tried again whose failure may pass: after the first, the second … time in one step."""


def postponement(times: int, asked: float | None) -> float | None:
    """The wait before a thread that was postponed `times` times already is tried again; None: no more.

    What the far side asked for is kept, up to the longest wait of the table.
    """
    if times >= len(POSTPONEMENTS):
        return None
    return min(max(POSTPONEMENTS[times], asked or 0.0), POSTPONEMENTS[-1])
