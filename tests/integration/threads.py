"""Rows that the integration tests start from."""

from __future__ import annotations

from typing import Any

from core.events import Event
from store.database import Pool
from store.threads import Lease, ThreadStore


async def new_thread(pool: Pool, thread_id: str = "t1", **changes: Any) -> str:
    row = {
        "id": thread_id,
        "tenant": "acme",
        "domain": "test",
        "subject": "crm for startups",
        "environment": "local",
        "task": {"tenant": "acme"},
        "requester": "sam",
        "model": "offline-extractive",
        "graph_version": 1,
        "release": "r",
        "behaviour_versions": {"write": "b1"},
    }
    assert await ThreadStore(pool).create({**row, **changes}, Event("thread_started", "sam", {"release": "r"}))
    return thread_id


async def leased(pool: Pool, thread_id: str = "t1") -> Lease:
    """The lease of a thread, taken whoever held it before."""
    store = ThreadStore(pool)
    async with pool.connection() as connection:
        await connection.execute("update thread set lease_until = null where id = %s", [thread_id])
    lease = await store.take_lease(await store.find(thread_id), "tester")
    assert lease is not None
    return lease


async def asked(pool: Pool, thread_id: str = "t1") -> int:
    """The number of an open review of a thread, for the hash "hash1"."""
    async with pool.connection() as connection:
        row = await (
            await connection.execute(
                "insert into review (tenant, thread_id, kind, interrupt_id, checkpoint_id, task_type, action_hash,"
                " request) values ('acme', %s, 'action', 'i1', 'c', 'write', 'hash1', '{}') returning number",
                [thread_id],
            )
        ).fetchone()
    assert row is not None
    return int(row["number"])
