"""The transition saver: LangGraph's checkpointer, and with each checkpoint the events and the review it caused.

One saver serves one run (one lease epoch) over a shared pool. Writes of finished tasks are buffered and stored by the
one statement that stores the checkpoint that follows them; a write that pauses or ends a run (interrupt, error, resume)
is stored at once, and one that no checkpoint follows soon, because a sibling is slow, a moment later. `flush` at the
end of a run stores what is left. Events of one superstep that are stored together are in the order of the tasks' paths.

The statement is gated on where the thread is believed to be (epoch, end of the chain, status). When it is elsewhere,
nothing is stored and the row is read again: another epoch is LeaseLost, anything else (a decision, an attempt of the
ledger) is a place to try again from. The end of the chain also tells whether a commit that was cut off took place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP, ChannelVersions, Checkpoint, CheckpointMetadata
from psycopg.types.json import Json

from core.errors import AutonomyError, LeaseLost, NotFound
from store.checkpoints import Checkpoints, refuse_other_durability
from store.database import Connection, Pool
from store.encryption import Cipher
from store.events import lock_thread
from store.sql import query, shortened
from store.supersteps import ERROR, Position, TaskWrites, in_order, interrupts_of, tell
from store.transition_rows import (
    NONE,
    CheckpointRow,
    CheckpointWriter,
    checkpoint_columns,
    next_version,
    transition,
    write_columns,
)

LINGER: Final = 0.05
"""Seconds a finished task's writes wait for the checkpoint that follows them. The last task's checkpoint comes within
a millisecond or so; what takes longer has a slow sibling, and must not be done again if the process dies meanwhile."""
_AT_ONCE: Final = frozenset(WRITES_IDX_MAP)


class _Attempt(NamedTuple):
    """A commit whose answer has not come: the last event it would add, and how much of the buffer it holds."""

    seq: int
    hash: str
    tasks: int


class TransitionSaver(Checkpoints):
    """See the module. `epoch` is the lease this run holds; a newer one in the database fences it."""

    def __init__(self, pool: Pool, thread_id: str, epoch: int, *, cipher: Cipher | None = None) -> None:
        super().__init__(pool, thread_id, epoch, cipher=cipher)
        self._writer = CheckpointWriter(self.serde, sealed=cipher is not None)
        self._buffer: list[TaskWrites] = []
        self._position: Position | None = None
        self._unanswered: _Attempt | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lingering: asyncio.Task[None] | None = None
        self._failed: Exception | None = None

    def get_next_version(self, current: str | int | None, channel: None) -> str:
        return next_version(current)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        place = self._place(config)
        channels = {channel for channel, _ in writes}
        if ERROR in channels and any(isinstance(value, LeaseLost) for channel, value in writes if channel == ERROR):
            return  # whoever has the lease now tells what becomes of the thread
        # Appended before any await: the checkpoint that follows must find them here.
        self._buffer.append(
            TaskWrites(place.get("checkpoint_ns", ""), place["checkpoint_id"], task_id, task_path, tuple(writes))
        )
        if channels & _AT_ONCE:
            await self._store(None)
        elif self._timer is None:
            self._timer = self.loop.call_later(LINGER, self._linger)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self._place(config)
        self._raise_failed()
        row = self._writer.row(config, checkpoint, metadata, new_versions)
        await self._store(row)
        place = {"thread_id": self._thread_id, "checkpoint_ns": row.namespace, "checkpoint_id": row.checkpoint_id}
        return {"configurable": place}

    async def flush(self) -> None:
        """Store writes that no checkpoint has followed. Raises LeaseLost, or what an earlier attempt failed with."""
        await self._store(None)
        self._raise_failed()

    async def _settle(self) -> None:
        await self._store(None)

    def _place(self, config: RunnableConfig) -> dict[str, Any]:
        refuse_other_durability(config)
        place: dict[str, Any] = config["configurable"]
        if place["thread_id"] != self._thread_id:
            raise AutonomyError(f"The saver of thread {self._thread_id} was given one of {place['thread_id']}.")
        return place

    def _linger(self) -> None:
        self._timer = None
        self._lingering = self.loop.create_task(self._store_lingering())

    async def _store_lingering(self) -> None:
        try:
            await self._store(None)
        except Exception as error:  # noqa: BLE001 - nobody awaits this task; the next put or flush raises it
            self._failed = error

    def _raise_failed(self) -> None:
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed

    async def _store(self, row: CheckpointRow | None) -> None:
        """A checkpoint and all that is buffered, in one transaction; the buffer is emptied once they are in."""
        if row is None and not self._buffer:
            return
        async with self.lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            async with self._pool.connection() as connection:
                await self._answer(connection)
                held = tuple(self._buffer)
                if row is None and not held:
                    return
                tasks = in_order(held)
                columns = checkpoint_columns(row) | write_columns(tasks, self.serde, row)
                while not await self._attempt(connection, tasks, columns, row is not None):
                    pass
            self._unanswered = None
            del self._buffer[: len(held)]

    async def _answer(self, connection: Connection) -> None:
        """After a commit that was cut off: look whether its last event is in the chain."""
        if (cut := self._unanswered) is None:
            return
        asked = {"id": self._thread_id, "seq": cut.seq, "hash": cut.hash}
        if await (await connection.execute(query("event_stored"), asked)).fetchone() is not None:
            del self._buffer[: cut.tasks]
        self._position = self._unanswered = None

    async def _attempt(
        self, connection: Connection, tasks: Sequence[TaskWrites], columns: dict[str, Any], progressed: bool
    ) -> bool:
        """Whether it was stored. Raises LeaseLost."""
        if next(interrupts_of(tasks), None) is None:
            position = self._position or await self._look(connection)
            return await self._write(connection, position, tasks, columns, progressed, {})
        async with connection.transaction():
            position = _position(await lock_thread(connection, self._thread_id))
            self._refuse_other(position)
            opened = await self._open_reviews(connection, position.tenant, tasks)
            return await self._write(connection, position, tasks, columns, progressed, opened)

    async def _write(
        self,
        connection: Connection,
        position: Position,
        tasks: Sequence[TaskWrites],
        columns: dict[str, Any],
        progressed: bool,
        opened: dict[str, int],
    ) -> bool:
        self._refuse_other(position)
        now = datetime.now(UTC)
        step = transition(self._thread_id, position, tell(tasks, position, opened, now, self._cipher), now, progressed)
        # Without an event there is nothing to ask for, and nothing that must not be stored twice.
        told = step.after.last_seq > position.last_seq
        self._unanswered = _Attempt(step.after.last_seq, step.after.last_hash, len(tasks)) if told else None
        parameters = step.parameters | columns
        rarely = parameters["released"] != NONE or parameters["writes"] != NONE
        statement = query("transition_store") if rarely else shortened("transition_store")
        stored = (await connection.execute(statement, parameters, prepare=True)).rowcount > 0
        self._position = step.after if stored else await self._look(connection)
        return stored

    def _refuse_other(self, position: Position) -> None:
        if position.epoch != self._epoch:
            raise LeaseLost(self._thread_id)

    async def _look(self, connection: Connection) -> Position:
        row = await (await connection.execute(query("thread_position"), {"id": self._thread_id})).fetchone()
        if row is None:
            raise NotFound(f"There is no thread {self._thread_id}. See: autonomy threads")
        return _position(row)

    async def _open_reviews(self, connection: Connection, tenant: str, tasks: Sequence[TaskWrites]) -> dict[str, int]:
        """Interrupt id -> number, of the reviews that are new."""
        opened: dict[str, int] = {}
        for task, interrupt in interrupts_of(tasks):
            request = interrupt.value
            row = {
                "tenant": tenant,
                "thread_id": self._thread_id,
                "kind": request["kind"],
                "interrupt_id": interrupt.id,
                "checkpoint_id": task.checkpoint_id,
                "task_type": request["task_type"],
                "action_hash": request["action_hash"],
                "request": Json(request),
            }
            inserted = await (await connection.execute(query("review_insert"), row)).fetchone()
            if inserted is not None:
                opened[interrupt.id] = inserted["number"]
        return opened


def _position(row: dict[str, Any]) -> Position:
    return Position(*(row[name] for name in Position._fields))
