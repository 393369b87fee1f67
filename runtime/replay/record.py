"""What is recorded of a thread, read once: nothing is written, and nothing is asked of a model or a tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import BadInput
from core.events import ChainedEvent, first_break
from runtime.states import state_at
from runtime.wiring import Application
from store.events import timeline
from store.sql import query


@dataclass(frozen=True, slots=True)
class Record:
    """One thread as the database has it. `calls`: model calls in the order in which they were made."""

    thread: Mapping[str, Any]
    events: Sequence[ChainedEvent]
    reviews: Mapping[int, Mapping[str, Any]]
    calls: Sequence[Mapping[str, Any]]
    texts: Mapping[str, str]
    """SHA-256 -> text, of the artifacts that its events and its task name."""
    begins: Mapping[str, Any] | None = None
    """For a copy: the state of the checkpoint that it was made from."""


async def read(app: Application, thread: Mapping[str, Any]) -> Record:
    """Raises BadInput when the chain of events does not hold, or a checkpoint that a copy was made from is gone."""
    source = thread["fork"]["from"] if thread["fork"] else thread["id"]
    begins = await state_at(app, source, thread["fork"]["checkpoint"]) if thread["fork"] else None
    of = {"id": thread["id"], "ids": [thread["id"], source]}
    async with app.pool.connection() as connection, connection.transaction():
        await connection.execute("set transaction isolation level repeatable read, read only")
        events = await timeline(connection, thread["id"])
        _refuse_broken(thread, events)
        reviews = await (await connection.execute(query("review_of_thread"), of)).fetchall()
        calls = await (await connection.execute(query("model_call_list"), of)).fetchall()
        texts = await (await connection.execute(query("artifact_of_thread"), of)).fetchall()
    return Record(
        thread,
        events,
        {row["number"]: row for row in reviews},
        calls,
        {row["sha256"]: row["content"] for row in texts},
        begins,
    )


def _refuse_broken(thread: Mapping[str, Any], events: Sequence[ChainedEvent]) -> None:
    broken = first_break(list(events))
    if broken is not None or not events or events[-1].hash != thread["last_hash"]:
        where = f" at #{broken}" if broken is not None else ""
        raise BadInput(
            f"The chain of events of thread {thread['id']} does not hold{where}, so there is nothing to run it again "
            f"by. See: autonomy verify {thread['id']}"
        )
