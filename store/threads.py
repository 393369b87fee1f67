"""Thread rows: creation, look-up, and the lease that makes one process the only runner of a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg.types.json import Json, Jsonb

from core.canonical import storable
from core.errors import BadInput, LeaseLost, NotFound
from core.events import ChainedEvent, Event
from core.lifecycle import after
from core.vocabulary import ThreadStatus
from store.database import Pool
from store.events import append, lock_thread, timeline
from store.sql import query

LEASE_SECONDS: Final = 5.0
"""How long a runner that has died keeps others out; a living one renews each second."""


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

    async def create(self, row: Mapping[str, Any], started: Event) -> bool:
        """Insert a queued thread and its first event, in one transaction. False when the id is taken."""
        stored = {**row, "task": Json(row["task"]), "behaviour_versions": Jsonb(row["behaviour_versions"])}
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

    async def newest(self, status: ThreadStatus | None, limit: int) -> Sequence[dict[str, Any]]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query("thread_list"), {"status": status, "limit": limit})
            return await cursor.fetchall()

    async def timeline(self, thread_id: str) -> list[ChainedEvent]:
        async with self._pool.connection() as connection:
            return await timeline(connection, thread_id)

    async def decided(self) -> Sequence[dict[str, Any]]:
        """thread_id and wake of threads whose decision no run has taken up."""
        async with self._pool.connection() as connection:
            return await (await connection.execute(query("thread_decided"))).fetchall()

    async def take_lease(self, thread: Mapping[str, Any], owner: str) -> Lease | None:
        """Become the runner; None when someone else is, or the thread has moved on since it was read."""
        row = {
            "id": thread["id"],
            "owner": owner,
            "seconds": LEASE_SECONDS,
            "was": thread["status"],
            "status": after(thread["status"], "start"),
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

    async def release(self, lease: Lease) -> bool:
        """Give the lease back. False when a decision came since it was taken: then the runner goes on."""
        row = {"id": lease.thread_id, "epoch": lease.epoch, "wake": lease.wake}
        async with self._pool.connection() as connection:
            return (await connection.execute(query("thread_release_lease"), row)).rowcount == 1

    async def continue_under(self, lease: Lease) -> None:
        """A thread that paused under this lease runs again under it. Raises LeaseLost, or IllegalTransition."""
        async with self._pool.connection() as connection, connection.transaction():
            thread = await lock_thread(connection, lease.thread_id)
            if thread["epoch"] != lease.epoch:
                raise LeaseLost(lease.thread_id)
            await append(connection, thread, [], status=after(thread["status"], "start"))

    async def abandon(self, lease: Lease) -> None:
        """Give the lease back after something went wrong; a thread in the middle is queued again."""
        row = {"id": lease.thread_id, "epoch": lease.epoch}
        async with self._pool.connection() as connection:
            await connection.execute(query("thread_abandon_lease"), row)

    async def wake(self, thread_id: str) -> int:
        """How many decisions and stops the thread has seen."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(query("thread_lease"), {"id": thread_id})).fetchone()
        return 0 if row is None else int(row["wake"])

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
