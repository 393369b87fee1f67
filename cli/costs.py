"""costs: what model calls have cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cli.console import out, print_json
from cli.days import day
from cli.reading import table
from runtime import costs as spent
from runtime.settings import read_settings
from runtime.wiring import open_application


async def costs(by: spent.By, thread: str | None, since: str | None, limit: int, json: bool) -> int:
    start = None if since is None else day(since)
    async with open_application(read_settings()) as app:
        thread_id = None if thread is None else (await app.threads.find(thread))["id"]
        rows = await spent.costs(app.pool, by, thread_id=thread_id, since=start, limit=limit)
    if json:
        print_json(rows)
        return 0
    if not rows:
        out().print("No model was asked yet.")
        return 0
    columns = (*spent.NAMED[by], "calls", "failed", "tokens in", "tokens out", "cost", "model time", "p50")
    table(columns, [_cost(by, row) for row in rows])
    if any(row["unpriced"] for row in rows):
        out().print("A cost with a + leaves out calls whose price is not known.")
    return 0


def _cost(by: spent.By, row: Mapping[str, Any]) -> tuple[str, ...]:
    money = "unknown" if row["cost"] is None else f"${row['cost']:.4f}{'+' if row['unpriced'] else ''}"
    times = (f"{row['seconds']:.1f} s", f"{row['latency_p50_ms']:.0f} ms")
    counts = (str(row["calls"]), str(row["failed"]), f"{row['input_tokens']:,}", f"{row['output_tokens']:,}")
    return (*(str(row[name]) for name in spent.NAMED[by]), *counts, money, *times)
