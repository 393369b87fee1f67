"""Limits of one run, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MAX_STEPS: Final = 120
"""Planner turns of one thread; an article of twelve sections with revisions takes about thirty."""
MAX_ATTEMPTS: Final = 5
"""Proposals in a row that came to nothing, before a person is asked."""
MAX_FEEDBACK: Final = 12
"""Feedback items the planner is reminded of."""


def limit_reached(counters: Mapping[str, int]) -> str | None:
    """What limit the run has reached, in words; None while it may go on."""
    if counters.get("steps", 0) >= MAX_STEPS:
        return f"The thread has taken {MAX_STEPS} steps without finishing."
    if counters.get("attempts", 0) >= MAX_ATTEMPTS:
        return f"{MAX_ATTEMPTS} proposals in a row came to nothing."
    return None
