"""Writing and reading the event chain. Only the saver and `append` write it; both hold the thread's row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from psycopg.types.json import Json

from core.canonical import canonical_json
from core.errors import NotFound
from core.events import ChainedEvent, Event, chain
from core.vocabulary import ThreadStatus
from store.database import Connection
from store.sql import query


async def lock_thread(connection: Connection, thread_id: str) -> dict[str, Any]:
    """The thread's row, held until the transaction ends. Raises NotFound."""
    row = await (await connection.execute(query("thread_lock"), {"id": thread_id})).fetchone()
    if row is None:
        raise NotFound(f"There is no thread {thread_id}. See: autonomy threads")
    return row


async def append(
    connection: Connection,
    thread: Mapping[str, Any],
    events: Sequence[Event],
    *,
    checkpoint_id: str | None = None,
    status: ThreadStatus | None = None,
    ending: Mapping[str, Any] | None = None,
) -> None:
    """Add events behind the last one, inside the caller's transaction; `thread` is what lock_thread gave."""
    now = datetime.now(UTC)
    links = chain(thread["id"], thread["last_seq"], thread["last_hash"], list(events), now, checkpoint_id)
    if links:
        async with connection.cursor() as cursor:
            await cursor.executemany(query("event_insert"), [event_row(thread["tenant"], link) for link in links])
    await connection.execute(
        query("thread_advance"),
        {
            "id": thread["id"],
            "last_seq": links[-1].seq if links else thread["last_seq"],
            "last_hash": links[-1].hash if links else thread["last_hash"],
            "status": status,
            "ending": None if ending is None else Json(ending),
        },
    )


async def timeline(connection: Connection, thread_id: str) -> list[ChainedEvent]:
    """All events of a thread in order."""
    rows = await (await connection.execute(query("event_list"), {"id": thread_id})).fetchall()
    return [ChainedEvent(event_class=row.pop("class"), **row) for row in rows]


def event_row(tenant: str, link: ChainedEvent) -> tuple[Any, ...]:
    """Parameters of `event_insert`."""
    return (
        link.thread_id, link.seq, tenant, link.kind, link.event_class, link.actor, link.at, link.checkpoint_id,
        Json(link.body, dumps=canonical_json), link.prev_hash, link.hash,
    )  # fmt: skip
