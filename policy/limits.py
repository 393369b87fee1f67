"""Limits of one run, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from core.canonical import sha256

MAX_STEPS: Final = 120
"""Planner turns of one thread; an article of twelve sections with revisions takes about thirty."""
MAX_ATTEMPTS: Final = 5
"""Proposals in a row that came to nothing, before a person is asked."""
MAX_REPEATS: Final = 3
"""Times that the same proposal may come again while nothing else has changed."""
REMEMBERED: Final = 12
"""Proposals that a new one is compared with."""
MAX_FEEDBACK: Final = 12
"""Feedback items the planner is reminded of."""
_MARK: Final = 12
"""Hex digits of a mark: the state is stored again at each step."""


def limit_reached(counters: Mapping[str, int], most: Mapping[str, int] = MappingProxyType({})) -> str | None:
    """What limit the run has reached, in words; None while it may go on. `most`: name -> figure, where configured."""
    steps, attempts = most.get("steps", MAX_STEPS), most.get("attempts", MAX_ATTEMPTS)
    if counters.get("steps", 0) >= steps:
        return f"The thread has taken {steps} steps without finishing."
    if counters.get("attempts", 0) >= attempts:
        return f"{attempts} proposals in a row came to nothing."
    return None


def repeated(
    proposed: Sequence[str], proposal_hash: str, results: Mapping[str, Any], most: int = MAX_REPEATS
) -> tuple[list[str], bool]:
    """The marks of the last proposals with this one's, and whether it came too often.

    The same call over other results is another one: an article is checked again after each revision.
    """
    mark = sha256([proposal_hash, dict(results)])[:_MARK]
    return [*proposed, mark][-REMEMBERED:], list(proposed).count(mark) >= most
