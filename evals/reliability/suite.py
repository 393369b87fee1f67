"""All scenarios, by name, and one run of some of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from core.errors import AutonomyError
from evals.reliability.report import Finding
from evals.reliability.scenarios import (
    answers,
    boundaries,
    double_resumes,
    full_disk,
    pickups,
    postponed,
    random_kills,
    restarts,
    stopped,
)
from evals.reliability.theatre import SHORT, Size, Theatre

Scenario = Callable[[Theatre, Size], Awaitable[list[Finding]]]

SCENARIOS: Final[Mapping[str, Scenario]] = {
    "boundaries": boundaries.run,
    "answers": answers.run,
    "random-kills": random_kills.run,
    "double-resumes": double_resumes.run,
    "stopped": stopped.run,
    "restarts": restarts.run,
    "full-disk": full_disk.run,
    "pickups": pickups.run,
    "postponed": postponed.run,
}
TOGETHER: Final = ("boundaries", "random-kills", "double-resumes", "stopped", "postponed")
"""What the short form plays at the same time: it is mostly waiting for leases to run out."""
APART: Final = ("restarts",)
"""What happens to the whole cluster."""


async def play(theatre: Theatre, name: str, size: Size) -> list[Finding]:
    """One scenario. What is overdue, or refused by what is tried, is a finding too."""
    try:
        return await SCENARIOS[name](theatre, size)
    except AutonomyError as error:
        return [Finding(name, "comes to its end", str(error), False)]


async def play_short(theatre: Theatre) -> dict[str, list[Finding]]:
    """The form that the tests run: scenario -> what was found. What needs a mount or minutes is left out."""
    together = await asyncio.gather(*(play(theatre, name, SHORT) for name in TOGETHER))
    apart = [await play(theatre, name, SHORT) for name in APART]
    return dict(zip((*TOGETHER, *APART), (*together, *apart), strict=True))
