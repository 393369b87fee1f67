"""All threads since a time, one after another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from core.errors import BadInput
from runtime.replay.record import read
from runtime.replay.run import replay_record
from runtime.replay.tape import Difference
from runtime.replay.versions import compared, refuse_later
from runtime.wiring import Application
from store.sql import query

Progress = Callable[[int, int], None]
"""Called with how many threads are done, of how many."""
_CHUNK: Final = 500


@dataclass(slots=True)
class Tally:
    """What came of many replays. Threads that nobody has run yet are not among them."""

    threads: int = 0
    same: int = 0
    other_release: int = 0
    """Of those that were run again: by how many another release of the same behaviour, graph and rules was used."""
    other_version: Counter[str] = field(default_factory=Counter)
    """What is another than it was -> how many threads were left out for it."""
    parted: dict[str, Difference] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """Thread -> why it cannot be run again, such as an artifact that is gone."""


async def replay_all(
    app: Application, since: datetime | None, progress: Progress = lambda _, __: None, *, anyway: bool = False
) -> Tally:
    """Replay every thread that was started `since` then (None: ever); those of another version only `anyway`."""
    tally, after = Tally(), ""
    async with app.pool.connection() as connection:
        row = await (await connection.execute(query("replayable_count"), {"since": since})).fetchone()
    of = int((row or {"threads": 0})["threads"])
    while True:
        async with app.pool.connection() as connection:
            chunk = {"since": since, "after": after, "limit": _CHUNK}
            rows = await (await connection.execute(query("replayable"), chunk)).fetchall()
        if not rows:
            return tally
        for each in rows:
            await _one(app, str(each["id"]), tally, anyway)
            progress(tally.threads, of)
        after = rows[-1]["id"]


async def _one(app: Application, thread_id: str, tally: Tally, anyway: bool) -> None:
    tally.threads += 1
    try:
        record = await read(app, await app.threads.get(thread_id))
        refuse_later(record)
        changed = compared(app, record)
        if changed.deciding and not anyway:
            tally.other_version[" ".join(changed.deciding)] += 1
            return
        tally.other_release += bool(changed.release)
        replayed = await replay_record(app, record)
    except BadInput as error:
        tally.refused[thread_id] = str(error)
        return
    if replayed.difference is None:
        tally.same += 1
    else:
        tally.parted[thread_id] = replayed.difference
