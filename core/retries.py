"""How long to wait between attempts. Pure; tools/patience.py does the waiting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from core.errors import ClassifiedError

LONGEST_NAP: Final = 5.0
"""Seconds that are waited for inside a run; for anything longer the thread is postponed and its worker is free."""


POSTPONEMENTS: Final = (10.0, 60.0, 300.0, 1800.0, 7200.0)
"""Seconds until a thread is tried again whose failure may pass: after the first, the second … time in one step."""


def worth_a_nap(error: BaseException, failure_class: str) -> bool | float:
    """Whether to try again inside this run: True for the usual wait, or the seconds the far side asked for.

    `failure_class` is the one that may pass.
    """
    if not isinstance(error, ClassifiedError) or error.failure_class != failure_class:
        return False
    if error.retry_after is None:
        return True
    return float(error.retry_after) if error.retry_after <= LONGEST_NAP else False


def postponement(times: int, asked: float | None) -> float | None:
    """The wait before a thread that was postponed `times` times already is tried again; None: no more.

    What the far side asked for is kept, up to the longest wait of the table.
    """
    if times >= len(POSTPONEMENTS):
        return None
    return min(max(POSTPONEMENTS[times], asked or 0.0), POSTPONEMENTS[-1])


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that `retry-after-ms` or `Retry-After` (seconds or an HTTP date) asks to wait; None when neither does."""
    milliseconds, given = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    for text, unit in ((milliseconds, 0.001), (given, 1.0)):
        try:
            seconds = float(text) * unit
        except ValueError:
            continue
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        return max(0.0, (parsedate_to_datetime(given) - now).total_seconds())
    except (ValueError, TypeError):  # TypeError: a date without a time zone
        return None
