"""Walks the chains of events in the database, a batch at a time: memory does not grow with what is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from psycopg.rows import tuple_row

from core.canonical import sha256
from core.chains import Break, ChainReader, Link
from store.database import Pool
from store.sql import query

_BATCH: Final = 2000
_BREAKS_KEPT: Final = 1000
"""Breaks that are named; any further ones are counted."""

Progress = Callable[[int], None]
"""Called with the number of threads read so far."""


class Verified(NamedTuple):
    threads: int
    events: int
    breaks: tuple[Break, ...]
    broken: int
    """All breaks, those too that are not named."""


async def verify(pool: Pool, thread_id: str | None, progress: Progress = lambda _: None) -> Verified:
    """Read the chain of one thread, or of all (None), from one snapshot: what is stored meanwhile is not looked at."""
    threads = events = broken = 0
    named: list[Break] = []
    reader, end = ChainReader("", ""), (0, "")
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("set transaction isolation level repeatable read, read only")
        async with connection.cursor("chains", row_factory=tuple_row) as cursor:
            cursor.itersize = _BATCH
            await cursor.execute(query("chain_walk"), {"id": thread_id})
            async for found_id, tenant, last_seq, last_hash, task, *link in cursor:
                found: list[Break] = []
                if found_id != reader.thread_id:
                    found += reader.end(*end) if threads else ()
                    reader, end, threads = ChainReader(found_id, tenant), (last_seq, last_hash), threads + 1
                    progress(threads)
                if link[1] is not None:
                    events += 1
                    found += reader.read(Link(*link[:-1]))
                    found += _other_task(found_id, link[-1], task)
                named += found[: _BREAKS_KEPT - len(named)]
                broken += len(found)
            last = list(reader.end(*end)) if threads else []
    return Verified(threads, events, (*named, *last), broken + len(last))


def _other_task(thread_id: str, said: str | None, task: dict[str, object] | None) -> list[Break]:
    """The first event holds the hash of the task that the thread was started with."""
    if said is None or sha256(task) == said:
        return []
    return [Break(thread_id, 1, "the task is not the one that #1 was started with")]
