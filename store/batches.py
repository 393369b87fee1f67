"""Batches: files of keywords as rows. Threads are inserted many at a time, each with its first event."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from psycopg.types.json import Jsonb

from core.canonical import canonical_json, sha256
from core.errors import NotFound
from core.events import GENESIS, Event, chain
from core.lifecycle import ENDED
from core.vocabulary import ThreadStatus
from store.database import Connection, Pool
from store.sql import query

ID_BYTES: Final = 5
_HEARTBEAT_SECONDS: Final = 5
"""A worker that has not been heard of for so long is not counted on."""


@dataclass(frozen=True, slots=True)
class Common:
    """What all threads of a batch have in common: columns of `batch` and `thread`."""

    tenant: str
    domain: str
    file_name: str
    environment: str
    requester: str
    model: str
    graph_version: int
    release: str
    behaviour_versions: Mapping[str, str]


class NewThreadRow(NamedTuple):
    subject: str
    task: Mapping[str, Any]
    batch_key: str
    priority: int
    due_at: datetime | None


class Known(NamedTuple):
    """A keyword that has a thread already."""

    thread_id: str
    batch: int | None
    status: ThreadStatus


@dataclass(frozen=True, slots=True)
class Chunk:
    """What became of some rows. `batch` is None as long as nothing was added."""

    batch: int | None
    added: int = 0
    known: Sequence[Known] = field(default=())


class BatchStore:
    """Batches over a pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, common: Common, batch: int | None, rows: Sequence[NewThreadRow], *, again: bool) -> Chunk:
        """Insert the rows whose keyword has no thread, in one transaction; the batch too, with its first thread.

        `again`: a keyword whose thread has ended, failed ones too, gets a new one, which holds its key from now on.
        """
        async with self._pool.connection() as connection, connection.transaction():
            known = await _known(connection, common, rows)
            renewed = [held.thread_id for held in known.values() if again and _is_over(held.status)]
            left = [row for row in rows if row.batch_key not in known or known[row.batch_key].thread_id in renewed]
            if not left:
                return Chunk(batch, 0, list(known.values()))
            await connection.execute(query("batch_forget_keys"), {"ids": renewed})
            number = batch if batch is not None else await _create(connection, common)
            added = await _insert(connection, common, number, left)
            missed = [row for row in rows if row.batch_key not in added]
            return Chunk(number, len(added), list((await _known(connection, common, missed)).values()))

    async def overview(self, numbers: Sequence[int] | None, limit: int) -> Sequence[dict[str, Any]]:
        """Batches with their counts by status, threads, per_minute and cost (None when no call's is known)."""
        async with self._pool.connection() as connection:
            asked = {"numbers": None if numbers is None else list(numbers), "limit": limit}
            rows = await (await connection.execute(query("batch_overview"), asked)).fetchall()
            listed = {"numbers": [row["number"] for row in rows]}
            costs = await (await connection.execute(query("batch_cost"), listed)).fetchall()
        by_number = {row["number"]: row["cost"] for row in costs}
        return [{**row, "cost": by_number.get(row["number"])} for row in rows]

    async def pause(self, number: int, paused: bool) -> None:
        """Raises NotFound."""
        async with self._pool.connection() as connection:
            done = await connection.execute(query("batch_pause"), {"number": number, "paused": paused})
        if done.rowcount != 1:
            raise no_such_batch(number)

    async def unended(self, number: int, after: str, limit: int) -> list[str]:
        """Ids of threads of a batch that have not ended, in order, from behind `after`."""
        asked = {"number": number, "after": after, "limit": limit}
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(query("batch_unended"), asked)).fetchall()
        return [row["id"] for row in rows]

    async def workers_alive(self) -> int:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query("workers_alive"), {"seconds": _HEARTBEAT_SECONDS})
            row = await cursor.fetchone()
        return 0 if row is None else int(row["alive"])


def no_such_batch(number: int) -> NotFound:
    return NotFound(f"There is no batch b-{number}. See: autonomy batch list")


def _is_over(status: ThreadStatus) -> bool:
    return status in ENDED or status == "failed"


async def _known(connection: Connection, common: Common, rows: Sequence[NewThreadRow]) -> dict[str, Known]:
    """batch_key -> thread, of the rows that have one; held until the transaction ends."""
    keys = {"tenant": common.tenant, "domain": common.domain, "keys": [row.batch_key for row in rows]}
    found = await (await connection.execute(query("batch_known"), keys)).fetchall()
    return {row["batch_key"]: Known(row["id"], row["batch"], row["status"]) for row in found}


async def _create(connection: Connection, common: Common) -> int:
    row = {name: getattr(common, name) for name in ("tenant", "domain", "file_name", "requester")}
    created = await (await connection.execute(query("batch_insert"), row)).fetchone()
    if created is None:
        raise LookupError("insert … returning gave no row")
    return int(created["number"])


async def _insert(
    connection: Connection,
    common: Common,
    batch: int,
    rows: Sequence[NewThreadRow],
    new_id: Callable[[], str] = lambda: secrets.token_hex(ID_BYTES),
) -> set[str]:
    """The keys of the rows that are in. A row that met an id in use is tried under another one."""
    added: set[str] = set()
    left = list(rows)
    while left:
        cursor = await connection.execute(query("batch_insert_threads"), _given(common, batch, left, new_id))
        added |= {row["batch_key"] for row in await cursor.fetchall()}
        missing = [row for row in left if row.batch_key not in added]
        known = await _known(connection, common, missing) if missing else {}
        left = [row for row in missing if row.batch_key not in known]
    return added


def _given(
    common: Common, batch: int, rows: Sequence[NewThreadRow], new_id: Callable[[], str]
) -> dict[str, Any]:  # fmt: skip
    now = datetime.now(UTC)
    behaviour = dict(common.behaviour_versions)
    return {
        "tenant": common.tenant,
        "domain": common.domain,
        "environment": common.environment,
        "requester": common.requester,
        "model": common.model,
        "graph_version": common.graph_version,
        "release": common.release,
        "behaviour_versions": Jsonb(behaviour),
        "batch": batch,
        "rows": f"[{','.join(_thread(common, row, new_id(), now) for row in rows)}]",
    }


def _thread(common: Common, row: NewThreadRow, thread_id: str, now: datetime) -> str:
    """A thread and its first event, as they would be had it been started alone."""
    task = canonical_json(row.task)
    said = {
        "domain": common.domain,
        "task": sha256(task),
        "release": common.release,
        "behaviour": dict(common.behaviour_versions),
    }
    [link] = chain(thread_id, 0, GENESIS, [Event("thread_started", common.requester, said)], now, None)
    fields = {
        "id": thread_id,
        "subject": row.subject,
        "batch_key": row.batch_key,
        "priority": row.priority,
        "due_at": None if row.due_at is None else row.due_at.isoformat(),
        "at": now.isoformat(),
        "body": said,
        "hash": link.hash,
    }
    # The task as it was hashed, not written a second time.
    return f'{json.dumps(fields, ensure_ascii=False)[:-1]}, "task": {task}}}'
