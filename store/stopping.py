"""Stopping a thread: at once when nobody runs it, else at its runner's next step. Both in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.events import Event
from core.lifecycle import ENDED, after
from core.vocabulary import ThreadStatus
from store.database import Connection
from store.events import append, lock_thread
from store.sql import query


async def ask_to_stop(connection: Connection, thread_id: str, by: str, message: str) -> ThreadStatus:
    """Stop a thread, or ask its runner to; the status it has then. One that has ended is left as it is.

    Raises NotFound. The second to ask a running thread changes nothing.
    """
    thread = await lock_thread(connection, thread_id)
    status: ThreadStatus = thread["status"]
    if status in ENDED or (thread["leased"] and thread["stop_requested_by"]):
        return status
    await append(connection, thread, [Event("stop_requested", by, {"message": message})])
    await connection.execute(query("thread_ask_stop"), {"id": thread_id, "by": by})
    if status == "running" and thread["leased"]:
        return status
    return await stop_now(connection, thread_id)


async def stop_now(connection: Connection, thread_id: str) -> ThreadStatus:
    """End a thread that somebody asked to stop: its reviews are withdrawn, its lease ends."""
    thread = await lock_thread(connection, thread_id)
    ending = await _ending(connection, thread)
    await connection.execute(query("review_withdraw"), {"id": thread_id})
    status = after(thread["status"], "stop")
    finished = Event("thread_finished", thread["stop_requested_by"], {**ending, "results": {}})
    await append(connection, thread, [finished], status=status, ending=ending)
    await connection.execute(query("thread_end_lease"), {"id": thread_id})
    return status


async def _ending(connection: Connection, thread: Mapping[str, Any]) -> dict[str, str]:
    row = await (await connection.execute(query("thread_stop_reason"), {"id": thread["id"]})).fetchone()
    said = f": {row['message']}" if row and row["message"] else ""
    return {"status": "stopped", "reason": f"stopped by {thread['stop_requested_by']}{said}"}
