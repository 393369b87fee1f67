"""Stopping a thread: at once when nobody runs it, else at its runner's next step. Both in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from core.canonical import canonical_json
from core.events import ChainedEvent, Event, chain
from core.lifecycle import ENDED, after
from core.vocabulary import ThreadStatus
from store.database import Connection
from store.events import append, event_row, lock_thread
from store.sql import query

MARKED: Final = 20_000
"""Threads that are asked to stop in one transaction."""
ENDED_AT_ONCE: Final = 1_000
"""Threads that are ended in one transaction, with their events."""


async def ask_to_stop(connection: Connection, thread_id: str, by: str, message: str) -> ThreadStatus:
    """Stop a thread, or ask its runner to; the status it has then. One that has ended is left as it is.

    Raises NotFound. The second to ask a running thread changes nothing.
    """
    thread = await lock_thread(connection, thread_id)
    status: ThreadStatus = thread["status"]
    if status in ENDED or (thread["leased"] and thread["stop_requested_by"]):
        return status
    await append(connection, thread, [Event("stop_requested", by, {"message": message})])
    await connection.execute(query("thread_ask_stop"), {"id": thread_id, "by": by, "message": message})
    if status == "running" and thread["leased"]:
        return status
    return await stop_now(connection, thread_id)


async def stop_now(connection: Connection, thread_id: str) -> ThreadStatus:
    """End a thread that somebody asked to stop: its reviews are withdrawn, its lease ends."""
    thread = await lock_thread(connection, thread_id)
    ending = _ending(thread)
    await connection.execute(query("review_withdraw"), {"ids": [thread_id]})
    status = after(thread["status"], "stop")
    finished = Event("thread_finished", thread["stop_requested_by"], {**ending, "results": {}})
    await append(connection, thread, [finished], status=status, ending=ending)
    await connection.execute(query("thread_end_lease"), {"id": thread_id})
    return status


async def mark(connection: Connection, domain: str | None, by: str, message: str) -> int:
    """Ask for the stop of a chunk of what nobody runs; how many. Whoever takes one up from now on only ends it.

    Rows that somebody is writing are passed over, so that nothing waits; they come with a later chunk.
    """
    asked = {"domain": domain, "by": by, "message": message, "limit": MARKED}
    return (await connection.execute(query("stop_mark"), asked)).rowcount


async def end_marked(connection: Connection, domain: str | None, after_id: str) -> tuple[int, str | None]:
    """End a chunk of what was asked to stop and nobody runs: how many, and the last one's id; None: nothing is left."""
    asked = {"domain": domain, "after": after_id, "limit": ENDED_AT_ONCE}
    rows = await (await connection.execute(query("stop_marked"), asked)).fetchall()
    if not rows:
        return 0, None
    ids = {"ids": [row["id"] for row in rows]}
    await connection.execute(query("review_withdraw"), ids)
    links = [_links(row) for row in rows]
    async with connection.cursor() as cursor:
        await cursor.executemany(query("event_insert"), [event_row(row["tenant"], link)
                                 for row, chained in zip(rows, links, strict=True) for link in chained])  # fmt: skip
    last = [chained[-1] for chained in links]
    ended = {
        "seqs": [link.seq for link in last],
        "hashes": [link.hash for link in last],
        "endings": [canonical_json(_ending(row)) for row in rows],
    }
    await connection.execute(query("stop_end"), ids | ended)
    return len(rows), str(rows[-1]["id"])


def _links(thread: Mapping[str, Any]) -> list[ChainedEvent]:
    """The same two events as of a thread that is stopped alone."""
    after(thread["status"], "stop")
    by = thread["stop_requested_by"]
    said = [
        Event("stop_requested", by, {"message": thread["stop_message"]}),
        Event("thread_finished", by, {**_ending(thread), "results": {}}),
    ]
    return chain(thread["id"], thread["last_seq"], thread["last_hash"], said, datetime.now(UTC), None)


def _ending(thread: Mapping[str, Any]) -> dict[str, str]:
    said = f": {thread['stop_message']}" if thread["stop_message"] else ""
    return {"status": "stopped", "reason": f"stopped by {thread['stop_requested_by']}{said}"}
