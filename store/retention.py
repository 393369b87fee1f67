"""Retention: what threads that ended long ago no longer need is deleted, in bounded transactions.

Kept for ever: events, reviews, outcomes, operations, documents, the thread's row, the last checkpoint of each namespace
and what it needs, the figures of model calls, and every artifact that any of these names.

Safe to kill and to run again, since each chunk is a transaction of its own, and beside running threads: thread rows are
locked first and skipped when somebody holds them, and an artifact that has been put within a day is left alone. Putting
an artifact again refreshes `used_at` under the row's lock, which the delete compares under the same lock: the artifact
is either kept, or gone before the put, which then stores it anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Rollback

from store.database import Connection, Pool
from store.sql import query

THREADS: Final = 100
"""Threads of one transaction."""
ARTIFACTS: Final = 2_000
"""Artifacts of one transaction."""
ARTIFACT_HOURS: Final = 24
"""An artifact is put before the event that names it; until then only its age protects it."""
_DELETING: Final = {"checkpoints": "prune_checkpoints", "blobs": "prune_blobs", "writes": "prune_writes"}


@dataclass(slots=True)
class Pruned:
    """Rows deleted (of `model_calls`: emptied); `bytes` are those of the artifacts' texts, uncompressed."""

    threads: int = 0
    checkpoints: int = 0
    blobs: int = 0
    writes: int = 0
    model_calls: int = 0
    artifacts: int = 0
    bytes: int = 0


async def prune(pool: Pool, older_than: timedelta, pruned: Pruned, *, dry_run: bool) -> None:
    """Prune threads that ended before now − `older_than`; then artifacts. `pruned` counts what is committed.

    `dry_run` does the same and takes each transaction back, so that its counts are what a run would do.
    """
    before = datetime.now(UTC) - older_than
    last: str | None = ""
    while last is not None:
        last = await _prune_threads(pool, last, before, pruned, dry_run)
    async with pool.connection() as connection:
        await _collect_referred(connection)
        place: Mapping[str, Any] | None = _START
        while place is not None:
            place = await _prune_artifacts(connection, place, pruned, dry_run)
        async with _chunk(connection, dry_run):
            await connection.execute(query("prune_spend"), {"before": before})
        await connection.execute(query("referred_clear"))


async def _prune_threads(pool: Pool, after: str, before: datetime, pruned: Pruned, dry_run: bool) -> str | None:
    """One chunk; the id it ended with, None when there was nothing left."""
    async with pool.connection() as connection, _chunk(connection, dry_run):
        asked = {"after": after, "before": before, "limit": THREADS}
        rows = await (await connection.execute(query("prune_threads"), asked)).fetchall()
        if not rows:
            return None
        ids = {"ids": [row["id"] for row in rows]}
        # Checkpoints first: what they leave behind is what no kept one needs.
        counts = {name: (await connection.execute(query(sql), ids)).rowcount for name, sql in _DELETING.items()}
        counts["model_calls"] = (await connection.execute(query("prune_model_calls"), ids)).rowcount
        await connection.execute(query("prune_done"), ids)
    _count(pruned, {"threads": len(rows), **counts})
    return str(rows[-1]["id"])


_START: Final[Mapping[str, Any]] = {"tenant": "", "sha256": ""}


async def _collect_referred(connection: Connection) -> None:
    """Every artifact that something refers to, in a table of this session: too many for memory, read in chunks.

    What is referred to after its chunk was read has been put since, and is protected by its age.
    """
    await connection.execute(query("referred_table"))
    await connection.execute(query("referred_clear"))
    last: str | None = ""
    while last is not None:
        row = await _one(connection, "referred_by_threads", {"after": last, "limit": THREADS})
        last = None if row is None else row["last"]
    place: Mapping[str, Any] | None = _START
    while place is not None:
        place = await _one(connection, "referred_by_artifacts", {**place, "limit": ARTIFACTS})
    await connection.execute(query("referred_index"))
    await connection.execute(query("referred_analyse"))


async def _prune_artifacts(
    connection: Connection, after: Mapping[str, Any], pruned: Pruned, dry_run: bool
) -> Mapping[str, Any] | None:
    """One chunk; the place it ended at, None when there was nothing left."""
    async with _chunk(connection, dry_run):
        asked = {"tenant": after["tenant"], "sha256": after["sha256"], "limit": ARTIFACTS, "hours": ARTIFACT_HOURS}
        row = await _one(connection, "prune_artifacts", asked)
    if row is not None:
        _count(pruned, {"artifacts": row["artifacts"], "bytes": row["bytes"]})
    return row


@asynccontextmanager
async def _chunk(connection: Connection, dry_run: bool) -> AsyncIterator[None]:
    async with connection.transaction():
        yield
        if dry_run:
            raise Rollback


async def _one(connection: Connection, name: str, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    return await (await connection.execute(query(name), asked)).fetchone()


def _count(pruned: Pruned, counts: Mapping[str, int]) -> None:
    for name, more in counts.items():
        setattr(pruned, name, getattr(pruned, name) + more)
