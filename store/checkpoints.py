"""Reading checkpoints, and administration: copying a thread, deleting what runs left, pruning.

Administration is a holder of the lease like a run. It takes the lease of every thread it writes (the new epoch fences
a run that has lost its own), and gives it back; a thread that somebody runs is refused with ThreadBusy, and nothing is
done. The saver of a run may administer its own thread under the lease it has. Checkpoints without a row in `thread`,
such as copies for a replay, belong to nobody and need no lease. The lease of administration is not renewed: after a
minute a runner may take a thread that is still being pruned; pruning to the latest checkpoint works on a snapshot and
leaves alone what is stored meanwhile. Rows of `thread`, events and reviews are never touched here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncCursor
from psycopg.rows import DictRow

from core.errors import AutonomyError, BadInput, ThreadBusy
from store.database import Pool
from store.encryption import Cipher
from store.serializer import StrictSerializer
from store.sql import query


class Checkpoints(AsyncPostgresSaver):
    """Checkpoints over a pool, as the saver of `thread_id` under the lease `epoch` may read and administer them."""

    def __init__(self, pool: Pool, thread_id: str, epoch: int, *, cipher: Cipher | None = None) -> None:
        super().__init__(pool, serde=StrictSerializer(cipher))
        self._pool = pool
        self._thread_id = thread_id
        self._epoch = epoch
        self._cipher = cipher

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> Self:
        """Itself: state is plain data, and a clone would have a buffer of its own."""
        return self

    async def _settle(self) -> None:
        """Store what is still buffered: whoever reads sees what was written."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        refuse_other_durability(config)
        await self._settle()
        return await super().aget_tuple(config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        await self._settle()
        async for found in super().alist(config, filter=filter, before=before, limit=limit):
            yield found

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy every checkpoint, in all namespaces. Raises BadInput when the target has checkpoints, or ThreadBusy."""
        row = {"source": source_thread_id, "target": target_thread_id}
        async with self._administering([target_thread_id]), self._transaction() as cursor:
            await cursor.execute(query("checkpoints_exist"), {"id": target_thread_id})
            if (await cursor.fetchone() or {})["exists"]:
                raise BadInput(f"Thread {target_thread_id} has checkpoints already; copy into a new thread.")
            await cursor.execute(query("checkpoints_copy"), row)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete what runs stored, by the run_id in the metadata. Reads all checkpoints. Raises ThreadBusy."""
        runs = {"runs": list(run_ids)}
        async with self._cursor() as cursor:
            await cursor.execute(query("checkpoints_of_runs"), runs)
            ids = [row["thread_id"] for row in await cursor.fetchall()]
        async with self._administering(ids), self._transaction() as cursor:
            await cursor.execute(query("checkpoints_delete_runs"), runs)
            await cursor.execute(query("checkpoints_delete_blobs"), {"ids": ids})

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete all checkpoints of a thread. Raises ThreadBusy."""
        async with self._administering([thread_id]):
            await super().aprune([thread_id], strategy="delete")

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep the latest checkpoint of each namespace, or (`delete`) none. Raises ThreadBusy."""
        async with self._administering(thread_ids):
            await super().aprune(thread_ids, strategy=strategy)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self._from_outside(lambda: self.acopy_thread(source_thread_id, target_thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        self._from_outside(lambda: self.adelete_for_runs(run_ids))

    def _from_outside(self, call: Callable[[], Awaitable[None]]) -> None:
        """Run on the saver's loop from another thread, as the other synchronous forms do."""

        async def called() -> None:
            await call()

        try:
            inside = asyncio.get_running_loop() is self.loop
        except RuntimeError:
            inside = False
        if inside:
            raise asyncio.InvalidStateError("Call the asynchronous form from the event loop of the saver.")
        asyncio.run_coroutine_threadsafe(called(), self.loop).result()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncCursor[DictRow]]:
        async with self._cursor() as cursor, cursor.connection.transaction():
            yield cursor

    @asynccontextmanager
    async def _administering(self, thread_ids: Sequence[str]) -> AsyncIterator[None]:
        await self._settle()
        row = {"ids": list(thread_ids), "own": self._thread_id, "epoch": self._epoch}
        async with self._transaction() as cursor:
            await cursor.execute(query("administration_take"), row)
            held = {taken["id"]: taken["epoch"] for taken in await cursor.fetchall()}
            await cursor.execute(query("administration_busy"), {**row, "held": list(held)})
            if (busy := await cursor.fetchone()) is not None:
                raise ThreadBusy(f"Thread {busy['id']} is being run; try again when it waits or has ended.")
        try:
            yield
        finally:
            if held:
                async with self._cursor() as cursor:
                    given = {"ids": list(held), "epochs": list(held.values())}
                    await cursor.execute(query("administration_release"), given)


def refuse_other_durability(config: RunnableConfig) -> None:
    """Raises AutonomyError unless each superstep waits for its checkpoint: else a failed commit is noticed too late.

    A run's config has a runtime, and the durability if one was given; without one LangGraph takes "async".
    """
    place = config["configurable"]
    asked = place.get("__pregel_durability", "async" if "__pregel_runtime" in place else "sync")
    if asked != "sync":
        raise AutonomyError(
            f'Threads run with durability="sync", not "{asked}": a step may only follow one that is stored.'
        )
