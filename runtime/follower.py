"""Runs on what people decide in the console: one look a second, one thread after another, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from core.errors import AutonomyError
from runtime.threads import advance
from runtime.wiring import Application

_INTERVAL: Final = 1.0


async def follow(app: Application, stopped: asyncio.Event, report: Callable[[str, str], None]) -> None:
    """Until `stopped`, advance threads whose decision nobody has taken up. `report` gets (thread, what came of it).

    A thread that cannot go on is reported once and left until the next decision on it.
    """
    left: dict[str, int] = {}
    while not stopped.is_set():
        for row in await app.threads.decided():
            if left.get(row["thread_id"]) == row["wake"]:
                continue
            try:
                report(row["thread_id"], (await advance(app, row["thread_id"]))["status"])
            except AutonomyError as error:
                left[row["thread_id"]] = row["wake"]
                report(row["thread_id"], str(error))
        try:
            await asyncio.wait_for(stopped.wait(), _INTERVAL)
        except TimeoutError:
            continue
