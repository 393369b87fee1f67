"""How long it takes to walk the chains of 10,000 recorded threads, and to list the checkpoints of a long one."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench import servers
from bench.applications import one_recorded_thread
from bench.figures import Figure, Report, at_most
from core.canonical import canonical_json
from core.events import GENESIS, Event, event_hash
from store import database
from store.verification import Verified, verify

THREADS: Final = 10_000
_COLUMNS: Final = "thread_id, seq, tenant, kind, class, actor, at, checkpoint_id, body, prev_hash, hash"


async def fill(pool: database.Pool, recorded: str, threads: int) -> None:
    """So many copies of a recorded thread, each with a chain of its own."""
    async with pool.connection() as connection:
        rows = await (
            await connection.execute("select * from event where thread_id = %s order by seq", [recorded])
        ).fetchall()
        await connection.execute("set session_replication_role = replica")
        ids = [secrets.token_hex(8) for _ in range(threads)]
        ends = {}
        async with connection.cursor() as cursor, cursor.copy(f"copy event ({_COLUMNS}) from stdin".encode()) as copy:
            for thread_id in ids:
                for row in _chained(thread_id, rows):
                    await copy.write_row(row)
                ends[thread_id] = row[-1]
        await connection.execute(
            "insert into thread (id, tenant, domain, subject, status, environment, task, requester, model,"
            " graph_version, release, behaviour_versions, last_seq, last_hash)"
            " select made.id, tenant, domain, subject, status, environment, task, requester, model, graph_version,"
            " release, behaviour_versions, last_seq, made.hash"
            " from thread, unnest(%s::text[], %s::text[]) as made(id, hash) where thread.id = %s",
            [list(ends), list(ends.values()), recorded],
        )
        await connection.execute("set session_replication_role = default")
        await connection.execute("vacuum analyze")


def _chained(thread_id: str, rows: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    previous = GENESIS
    for row in rows:
        source = Event(row["kind"], row["actor"], row["body"])
        link = event_hash(thread_id, row["seq"], source, row["at"], row["checkpoint_id"], previous)
        yield (
            thread_id, row["seq"], row["tenant"], row["kind"], row["class"], row["actor"], row["at"],
            row["checkpoint_id"], canonical_json(row["body"]), previous, link,
        )  # fmt: skip
        previous = link


async def measure(url: str, home: Path, threads: int) -> tuple[Verified, float]:
    recorded = await one_recorded_thread(url, home)
    async with database.open_pool(url) as pool:
        await fill(pool, recorded, threads)
        started = time.perf_counter()
        return await verify(pool, None), time.perf_counter() - started


def report(found: Verified, seconds: float) -> Report:
    return Report(
        "Verify: the chains of recorded threads",
        (
            f"{found.threads:,} threads with {found.events:,} events, copies of one SEO thread that ran to its "
            f"end, each with a chain of its own; {found.broken} places do not hold.",
        ),
        (Figure("chains walked", seconds, "s", at_most(60.0), f"{found.events / seconds:,.0f} events per second"),),
    )


def run() -> Report:
    with servers.plain() as server, tempfile.TemporaryDirectory() as home:
        return report(*asyncio.run(measure(server.url, Path(home), THREADS)))
