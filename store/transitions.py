"""The transition saver: LangGraph's checkpointer, and with each checkpoint the events and the review it caused.

One saver serves one run (one lease epoch) over a shared pool. Writes of finished tasks are buffered and stored in the
transaction of the checkpoint that follows them; a write that pauses or ends a run (interrupt, error, resume) is stored
at once. `flush` at the end of a run stores what no checkpoint followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP, ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.base import get_serializable_checkpoint_metadata as plain_metadata
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Interrupt
from psycopg.types.json import Json, Jsonb

from core.canonical import storable
from core.errors import LeaseLost
from core.events import Event
from core.failures import classify
from core.lifecycle import after
from core.vocabulary import ThreadStatus
from store.database import Connection, Pool
from store.events import append, lock_thread
from store.sql import query

EVENTS: Final = "events"
_INTERRUPT: Final = "__interrupt__"
_ERROR: Final = "__error__"
_AT_ONCE: Final = frozenset(WRITES_IDX_MAP)


@dataclass(frozen=True, slots=True)
class _TaskWrites:
    config: RunnableConfig
    writes: tuple[tuple[str, Any], ...]
    task_id: str
    task_path: str

    @property
    def checkpoint_id(self) -> str:
        return str(self.config["configurable"]["checkpoint_id"])

    def of(self, channel: str) -> Iterator[Any]:
        return (value for name, value in self.writes if name == channel)


class TransitionSaver(AsyncPostgresSaver):
    """See the module. `epoch` is the lease this run holds; a newer one in the database fences it."""

    def __init__(self, pool: Pool, thread_id: str, epoch: int) -> None:
        # An empty allowlist: state is plain JSON, so no class is ever rebuilt from what is stored.
        super().__init__(pool, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        self._pool = pool
        self._thread_id = thread_id
        self._epoch = epoch
        self._buffer: list[_TaskWrites] = []

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        # Appended before any await: the checkpoint that follows must find them here.
        self._buffer.append(_TaskWrites(config, tuple(writes), task_id, task_path))
        if any(channel in _AT_ONCE for channel, _ in writes):
            await self.flush()

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        async with self.lock, self._pool.connection() as connection, connection.transaction():
            thread = await self._fenced(connection)
            await self._put_checkpoint(connection, config, checkpoint, metadata, new_versions)
            await self._store_buffer(connection, thread)
        namespace = config["configurable"].get("checkpoint_ns", "")
        place = {"thread_id": self._thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint["id"]}
        return {"configurable": place}

    async def flush(self) -> None:
        """Store writes that no checkpoint has followed. Raises LeaseLost."""
        if not self._buffer:
            return
        async with self.lock, self._pool.connection() as connection, connection.transaction():
            await self._store_buffer(connection, await self._fenced(connection))

    async def _fenced(self, connection: Connection) -> dict[str, Any]:
        thread = await lock_thread(connection, self._thread_id)
        if thread["epoch"] != self._epoch:
            raise LeaseLost(self._thread_id)
        return thread

    async def _put_checkpoint(
        self,
        connection: Connection,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> None:
        namespace = config["configurable"].get("checkpoint_ns", "")
        inline, blobs = _split(checkpoint["channel_values"])
        versions: ChannelVersions = {name: version for name, version in new_versions.items() if name in blobs}
        row = (
            self._thread_id, namespace, checkpoint["id"], config["configurable"].get("checkpoint_id"),
            Jsonb({**checkpoint, "channel_values": inline}), Jsonb(plain_metadata(config, metadata)),
        )  # fmt: skip
        async with connection.cursor() as cursor:
            if versions:
                dumped = self._dump_blobs(self._thread_id, namespace, blobs, versions)
                await cursor.executemany(self.UPSERT_CHECKPOINT_BLOBS_SQL, dumped)
            await cursor.execute(self.UPSERT_CHECKPOINTS_SQL, row)

    async def _store_buffer(self, connection: Connection, thread: dict[str, Any]) -> None:
        """Pending writes, events, reviews and the thread's row; the buffer is emptied once they are in."""
        held = tuple(self._buffer)
        events: list[Event] = []
        for task in held:
            await self._store_writes(connection, task)
            events += [Event(**said) for said_at_once in task.of(EVENTS) for said in said_at_once]
            events += [_failure(error) for error in task.of(_ERROR)]
            for interrupts in task.of(_INTERRUPT):
                events += await self._open_reviews(connection, thread, task, interrupts)
        await _release_reviews(connection, events)
        place = held[-1].checkpoint_id if held else None
        ending = next((item.body for item in events if item.kind == "thread_finished"), None)
        await append(connection, thread, events, checkpoint_id=place, status=_status(thread, events), ending=ending)
        del self._buffer[: len(held)]

    async def _store_writes(self, connection: Connection, task: _TaskWrites) -> None:
        kept = [(channel, value) for channel, value in task.writes if channel != EVENTS]
        if not kept:
            return
        special = all(channel in WRITES_IDX_MAP for channel, _ in kept)
        sql = self.UPSERT_CHECKPOINT_WRITES_SQL if special else self.INSERT_CHECKPOINT_WRITES_SQL
        namespace = task.config["configurable"].get("checkpoint_ns", "")
        rows = self._dump_writes(
            self._thread_id, namespace, task.checkpoint_id, task.task_id, task.task_path, kept
        )  # fmt: skip
        async with connection.cursor() as cursor:
            await cursor.executemany(sql, rows)

    async def _open_reviews(
        self, connection: Connection, thread: dict[str, Any], task: _TaskWrites, interrupts: Sequence[Interrupt]
    ) -> list[Event]:
        events = []
        for interrupt in interrupts:
            request = interrupt.value
            row = {
                "tenant": thread["tenant"],
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
                body = {"review": inserted["number"], "kind": request["kind"], "action_hash": request["action_hash"]}
                events.append(Event("review_requested", "agent", body))
        return events


def _split(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what goes into the checkpoint's own row, what goes into blobs), as LangGraph reads them back."""
    inline = {name: value for name, value in values.items() if value is None or isinstance(value, str | int | float)}
    return inline, {name: value for name, value in values.items() if name not in inline}


def _failure(error: BaseException) -> Event:
    said = storable(str(error)[:2000])
    return Event(
        "failure", "agent", {"class": classify(error), "error": type(error).__name__, "message": said, "fatal": True}
    )


async def _release_reviews(connection: Connection, events: Sequence[Event]) -> None:
    for item in events:
        if item.kind == "review_applied":
            await connection.execute(query("review_release"), {"number": item.body["review"]})


def _status(thread: dict[str, Any], events: Sequence[Event]) -> ThreadStatus | None:
    """The status these events bring about; None when it stays."""
    for item in events:
        if item.kind == "thread_finished":
            return after(thread["status"], "stop" if item.body["status"] == "stopped" else "finish")
        if item.kind == "review_requested":
            return after(thread["status"], "interrupt")
        if item.kind == "failure" and item.body.get("fatal"):
            return after(thread["status"], "fail")
    return None
