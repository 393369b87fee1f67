"""Thread rows: creation, look-up, and the lease that makes one process the only runner of a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from psycopg.types.json import Json, Jsonb

from core.canonical import storable
from core.errors import BadInput, LeaseLost, NotFound
from core.events import ChainedEvent, Event
from core.lifecycle import ENDED, after
from core.vocabulary import ThreadStatus
from store.database import Connection, Pool
from store.events import append, lock_thread, timeline
from store.jobs import enqueue
from store.sql import query
from store.stopping import MARKED, ask_to_stop, end_marked, mark, stop_now

LEASE_SECONDS: Final = 5.0
"""How long a runner that has died keeps others out; a living one renews each second."""
_BUSY_SECONDS: Final = 0.05
"""Until rows that somebody was writing are tried again."""
RESERVED_SECONDS: Final = 5.0
"""How long a thread is left to the command that started it or decided on it, before a worker takes it up."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run a thread. `wake` is the count of decisions seen when it was taken."""

    thread_id: str
    epoch: int
    wake: int


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    owner: str | None
    seconds_left: float


class ThreadStore:
    """Thread rows over a pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, row: Mapping[str, Any], started: Event, *, reserved: bool = False) -> bool:
        """Insert a queued thread and its first event, in one transaction. False when the id is taken.

        A `reserved` one is left to the caller to run, for RESERVED_SECONDS.
        """
        stored = {**row, "task": Json(row["task"]), "behaviour_versions": Jsonb(row["behaviour_versions"])}
        stored["fork"] = Json(row["fork"]) if row.get("fork") else None
        stored["reserved"] = RESERVED_SECONDS if reserved else None
        async with self._pool.connection() as connection, connection.transaction():
            inserted = await connection.execute(query("thread_insert"), stored)
            if inserted.rowcount != 1:
                return False
            await append(connection, await lock_thread(connection, row["id"]), [started])
            return True

    async def find(self, prefix: str) -> dict[str, Any]:
        """The one thread whose id starts with `prefix`. Raises NotFound, or BadInput when several do."""
        if not prefix.strip():
            raise BadInput("The thread id is empty. See: autonomy threads")
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query("thread_by_prefix"), {"prefix": storable(prefix.strip())})
            rows = await cursor.fetchall()
        if not rows:
            raise NotFound(f"There is no thread {prefix.strip()[:40]!r}. See: autonomy threads")
        if len(rows) > 1:
            raise BadInput(f"More than one thread starts with {prefix!r}; give more of its id.")
        return rows[0]

    async def get(self, thread_id: str) -> dict[str, Any]:
        """The thread of exactly this id. Raises NotFound."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(query("thread_get"), {"id": thread_id})).fetchone()
        if row is None:
            raise NotFound(f"There is no thread {thread_id[:40]!r}. See: autonomy threads")
        return row

    async def newest(self, status: ThreadStatus | None, limit: int) -> Sequence[dict[str, Any]]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query("thread_list"), {"status": status, "limit": limit})
            return await cursor.fetchall()

    async def timeline(self, thread_id: str) -> list[ChainedEvent]:
        async with self._pool.connection() as connection:
            return await timeline(connection, thread_id)

    async def take_lease(self, thread: Mapping[str, Any], owner: str, *, due: bool = False) -> Lease | None:
        """Become the runner; None when someone else is, or the thread has moved on since it was read.

        `due`: also None while the thread is left alone until a later time.
        """
        row = {
            "id": thread["id"],
            "owner": owner,
            "seconds": LEASE_SECONDS,
            "was": thread["status"],
            "status": after(thread["status"], "start"),
            "due": due,
        }
        async with self._pool.connection() as connection, connection.transaction():
            taken = await (await connection.execute(query("thread_take_lease"), row)).fetchone()
            if taken is None:
                return None
            body = {"epoch": taken["epoch"], "owner": owner}
            await append(
                connection, await lock_thread(connection, thread["id"]), [Event("lease_taken", "runtime", body)]
            )
            return Lease(thread["id"], taken["epoch"], taken["wake"])

    async def proceed(self, lease: Lease, *, draining: bool) -> Lease | None:
        """What the runner does next: the lease as it is now, to run on under; None when it is done with the thread.

        It is done when the thread has ended, whoever ended it; when a person asked it to stop (then it is stopped
        here); and when the runner is `draining` (then another one takes the thread up). Raises LeaseLost.
        """
        async with self._pool.connection() as connection, connection.transaction():
            thread = await lock_thread(connection, lease.thread_id)
            if thread["status"] in ENDED:
                await _free(connection, lease)
            elif thread["epoch"] != lease.epoch:
                raise LeaseLost(lease.thread_id)
            elif thread["stop_requested_by"]:
                await stop_now(connection, lease.thread_id)
            elif draining:
                await _hand_over(connection, thread, lease)
            else:
                if thread["status"] != "running":
                    await append(connection, thread, [], status=after(thread["status"], "start"))
                return replace(lease, wake=thread["wake"])
        return None

    async def release(self, lease: Lease) -> bool:
        """Give the lease back. False when a decision or a stop came since it was taken: then the runner goes on."""
        row = {"id": lease.thread_id, "epoch": lease.epoch, "wake": lease.wake}
        async with self._pool.connection() as connection:
            return (await connection.execute(query("thread_release_lease"), row)).rowcount == 1

    async def abandon(self, lease: Lease, bug: Event | None = None) -> None:
        """Give the lease back after something went wrong; a thread in the middle is queued again.

        With `bug`, the event of an error that nothing helps against, such a thread has failed. Nothing happens when
        the lease is lost.
        """
        async with self._pool.connection() as connection, connection.transaction():
            thread = await lock_thread(connection, lease.thread_id)
            if thread["epoch"] != lease.epoch:
                return
            if thread["stop_requested_by"] and thread["status"] not in ENDED:
                await stop_now(connection, lease.thread_id)
                return
            if thread["status"] == "running":
                status = after("running", "fail" if bug else "requeue")
                await append(connection, thread, [bug] if bug else [], status=status)
            await _free(connection, lease)

    async def request_stop(self, thread_id: str, by: str, message: str) -> ThreadStatus:
        """Stop a thread, or ask its runner to; the status it has then. Raises NotFound."""
        async with self._pool.connection() as connection, connection.transaction():
            return await ask_to_stop(connection, thread_id, by, message)

    async def request_stops(self, domain: str | None, by: str, message: str) -> AsyncIterator[int]:
        """Stop every thread of a domain, or of all; gives how many more have ended. Those that are run are asked first,
        then nothing else can be begun any more, then the rest is ended, chunk by chunk."""
        while True:
            await self._ask_all_to_stop(domain, by, message)
            last: str | None = ""
            while last is not None:
                async with self._pool.connection() as connection, connection.transaction():
                    ended, last = await end_marked(connection, domain, last)
                yield ended
            if not (await self.stopping(domain))["unasked"]:
                return
            await asyncio.sleep(_BUSY_SECONDS)

    async def _ask_all_to_stop(self, domain: str | None, by: str, message: str) -> None:
        """All but what somebody is writing at this moment."""
        asked, more = {"domain": domain, "limit": MARKED}, True
        while more:
            async with self._pool.connection() as connection:
                running = await (await connection.execute(query("stop_running"), asked)).fetchall()
            for row in running:
                await self.request_stop(row["id"], by, message)
            async with self._pool.connection() as connection:
                more = bool(await mark(connection, domain, by, message) or running)

    async def stopping(self, domain: str | None) -> dict[str, int]:
        """Of the threads that have not ended: `unasked` to stop, and `running` to the end of their step."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(query("stop_left"), {"domain": domain})).fetchone()
        return row or {}

    async def hold_back(self, thread_id: str, seconds: float) -> None:
        """Leave a thread that cannot be begun alone for a while, unless it runs or is scheduled."""
        async with self._pool.connection() as connection:
            await connection.execute(query("thread_hold_back"), {"id": thread_id, "seconds": seconds})

    async def wake(self, thread_id: str) -> int:
        """How many decisions and stops the thread has seen."""
        return int((await self.get(thread_id))["wake"])

    async def holder(self, thread_id: str) -> LeaseHolder:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(query("thread_lease"), {"id": thread_id})).fetchone()
        if row is None:
            raise NotFound(f"There is no thread {thread_id}. See: autonomy threads")
        return LeaseHolder(row["lease_owner"], row["seconds_left"] or 0.0)

    async def set_status(
        self, thread_id: str, status: ThreadStatus, event: Event | None = None, ending: Mapping[str, Any] | None = None
    ) -> None:
        """Move a thread outside a superstep, with the event that says why."""
        async with self._pool.connection() as connection, connection.transaction():
            thread = await lock_thread(connection, thread_id)
            await append(connection, thread, [event] if event else [], status=status, ending=ending)


async def _free(connection: Connection, lease: Lease) -> None:
    await connection.execute(query("thread_free_lease"), {"id": lease.thread_id, "epoch": lease.epoch})


async def _hand_over(connection: Connection, thread: Mapping[str, Any], lease: Lease) -> None:
    """A thread in the middle is queued again, with a job, so that another runner need not wait for the sweep."""
    running = thread["status"] == "running"
    if running:
        await append(connection, thread, [], status=after("running", "requeue"))
    await _free(connection, lease)
    if running or thread["wake"] != lease.wake:
        await enqueue(connection, lease.thread_id)
