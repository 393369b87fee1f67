"""What has shifted lately in a company's threads: reasons of verdicts, length of texts, tool use, human touches."""

from __future__ import annotations

from typing import Final

from escalation.drift import Shift, of_numbers, of_words
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
