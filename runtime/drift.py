"""What has shifted lately in a company's threads: reasons of verdicts, length of texts, tool use, human touches."""

from __future__ import annotations

from typing import Final, NamedTuple

from escalation.drift import Shift, of_numbers, of_words
from runtime import levels
from runtime.wiring import Application
from store.sql import query

_LOOK_BACK: Final = 400
"""Threads, and verdicts with a reason, that are looked at."""
_SERIES: Final = {
    "touches": "human touches per thread",
    "calls": "tool calls per thread",
    "length": "characters written",
}


async def shifts(app: Application, tenant: str) -> list[Shift]:
    """Every series that has shifted; empty when none has, or when there is too little to say."""
    asked = {"tenant": tenant, "limit": _LOOK_BACK}
    async with app.pool.connection() as connection:
        threads = await (await connection.execute(query("drift_threads"), asked)).fetchall()
        reasons = await (await connection.execute(query("drift_reasons"), asked)).fetchall()
    found = [of_numbers(what, [float(row[name]) for row in reversed(threads)]) for name, what in _SERIES.items()]
    found.append(of_words("reasons of verdicts", [row["reason_code"] for row in reversed(reasons)]))
    return [shift for shift in found if shift is not None]


class Alarm(NamedTuple):
    """What somebody should look at, in words, and with which command."""

    words: str
    then: str


async def alarms(app: Application) -> list[Alarm]:
    """All that stand: autonomy that was taken back from what runs now and is not earned again, and what has shifted."""
    found = [level for level in await levels.levels(app) if level.current]
    taken_back = [level.place for level in found if level.held.era and level.held.threshold is None]
    said = [
        Alarm(
            f"{place.task_type} of {place.tenant}, {place.environment}: an alarm took its autonomy back, so it asks",
            f"autonomy levels show {place.task_type} --tenant {place.tenant}",
        )
        for place in taken_back
    ]
    for tenant in dict.fromkeys(level.place.tenant for level in found):
        shifted = await shifts(app, tenant)
        said += [
            Alarm(f"{tenant}: {each.words}; what is certified was earned before", "autonomy audit") for each in shifted
        ]
    return said
