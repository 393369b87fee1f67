"""Jobs: how a thread finds a worker. The thread's row is the truth; a job that is lost or doubled does no harm."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from store.database import Connection, Pool
from store.sql import query

SWEEP_PER_TENANT: Final = 50
"""Jobs that wait at a time for threads of one tenant: a long queue makes each fetch slow, for everybody."""
HEARTBEAT_SECONDS: Final = 1.0
STALLED_SECONDS: Final = 5.0
"""How long a worker that has died keeps its jobs."""

Run = Callable[[str], Awaitable[None]]
"""What a job does with its thread's id. Raises nothing but cancellation."""
Outage = Callable[[Exception | None], None]
"""Told that the database does not answer, or with None that it does again."""


class Jobs(Protocol):
    """What is wanted of a queue."""

    async def enqueue(self, connection: Connection, thread_id: str) -> None:
        """A job for a thread, inside the caller's transaction, unless one waits already."""
        ...

    async def sweep(self, graph_version: int) -> int:
        """Enqueue what could run (graphs up to `graph_version`) and has no job; how many that were."""
        ...

    async def work(self, run: Run, concurrency: int, stopped: asyncio.Event, outage: Outage) -> None:
        """Run jobs as they come, until `stopped`; returns when those under way are finished."""
        ...


async def enqueue(connection: Connection, thread_id: str) -> None:
    """See Jobs. The library's own call raises for a second job, which would roll a decision back."""
    await connection.execute(query("job_enqueue"), {"id": thread_id})


class PostgresJobs:
    """Jobs in the tables of procrastinate, beside the threads they are for. Implements Jobs."""

    def __init__(self, pool: Pool, url: str) -> None:
        self._pool = pool
        self._url = url

    async def enqueue(self, connection: Connection, thread_id: str) -> None:
        await enqueue(connection, thread_id)

    async def sweep(self, graph_version: int) -> int:
        row = {"version": graph_version, "most": SWEEP_PER_TENANT, "stalled": STALLED_SECONDS}
        async with self._pool.connection() as connection, connection.transaction():
            locked = await (await connection.execute(query("sweep_lock"))).fetchone()
            if locked is None or not locked["locked"]:
                return 0
            await connection.execute(query("sweep_dead_jobs"), row)
            await connection.execute(query("sweep_dead_workers"), row)
            return (await connection.execute(query("sweep"), row)).rowcount

    async def work(self, run: Run, concurrency: int, stopped: asyncio.Event, outage: Outage) -> None:
        from store.job_loop import JobLoop  # brings procrastinate, which only a worker needs

        await JobLoop(self._url, run, concurrency, outage).until(stopped)
