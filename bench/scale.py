"""What people and workers wait for when the database is full: 100,000 threads and 2,000,000 events."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any, Final, LiteralString, NamedTuple

import uvloop

from bench import servers
from bench.figures import Figure, Report, Target, at_most, percentile
from core.vocabulary import ThreadStatus
from graph.version import GRAPH_VERSION
from store import database
from store.jobs import PostgresJobs
from store.reviews import ReviewStore
from store.sql import query
from store.threads import ThreadStore

THREADS: Final = 100_000
EVENTS: Final = 20
"""Of each thread."""
CALLS: Final = 200
SWEEPS: Final = 30
PAGE: Final = 101
"""Rows of a page of the console, and one more to know whether there are more."""
STATUSES: Final[tuple[ThreadStatus | None, ...]] = (None, "waiting", "failed", "running", "done", "taken_over")
READS: Final[Mapping[str, Mapping[str, Any]]] = {
    "review_inbox": {"tenant": None, "limit": PAGE},
    "event_list": {"id": "0"},
    "thread_list": {"status": None, "limit": PAGE},
}
"""The queries behind what is read, for looking at their plans."""

_EMPTY: Final = "truncate procrastinate_jobs cascade"
_TAKE: Final = "delete from procrastinate_jobs where id in (select id from procrastinate_jobs order by id limit 20)"

Timed = Callable[[], Awaitable[object]]


class Size(NamedTuple):
    """Rows that were found, counted."""

    threads: int
    events: int
    reviews: int
    open: int


async def fill(pool: database.Pool, threads: int, events: int) -> Size:
    """Make up a history of that size. The hashes are not chained: reading does not look at them."""
    given = {"threads": threads, "events": events}
    async with pool.connection() as connection:
        await connection.execute("set session_replication_role = replica")  # no look-up of each row's thread
        for statement in statements():
            await connection.execute(statement, given)
        await connection.execute("set session_replication_role = default")
        await connection.execute("vacuum analyze")
        cursor = await connection.execute(
            "select (select count(*) from thread) as threads, (select count(*) from event) as events,"
            " count(*) as reviews, count(*) filter (where state = 'open') as open from review"
        )
        row = await cursor.fetchone()
    return Size(**(row or {}))


def statements() -> list[bytes]:
    """What makes up the history, in order."""
    text = Path(__file__).with_name("history.sql").read_text(encoding="utf-8")
    return [part.strip().encode() for part in re.split(r"^-- .*$", text, flags=re.MULTILINE) if part.strip()]


async def seconds(call: Timed) -> float:
    started = time.perf_counter()
    await call()
    return time.perf_counter() - started


async def each(call: Timed, times: int) -> list[float]:
    """Seconds of each of so many calls, one after another, and one before them that is not counted."""
    await call()
    return [await seconds(call) for _ in range(times)]


async def reading(pool: database.Pool, times: int) -> dict[str, list[float]]:
    """Seconds of what people wait for."""
    threads, reviews = ThreadStore(pool), ReviewStore(pool)
    async with pool.connection() as connection:
        cursor = await connection.execute("select id, tenant from thread order by md5(id) limit %s", [times + 1])
        some = await cursor.fetchall()
    ids, tenants, statuses = iter([row["id"] for row in some]), cycle({row["tenant"] for row in some}), cycle(STATUSES)
    return {
        "inbox, first page": await each(lambda: reviews.inbox(None, PAGE), times),
        "inbox of a tenant, first page": await each(lambda: reviews.inbox(next(tenants), PAGE), times),
        "timeline of a thread": await each(lambda: threads.timeline(next(ids)), times),
        "threads, newest": await each(lambda: threads.newest(None, PAGE), times),
        "threads, newest of a status": await each(lambda: threads.newest(next(statuses), PAGE), times),
    }


async def working(pool: database.Pool, url: str, sweeps: int, fetches: int) -> dict[str, list[float]]:
    """Seconds of what workers wait for."""
    jobs = PostgresJobs(pool, url)
    filling = [await _sweep_after(_EMPTY, pool, jobs) for _ in range(sweeps)]
    topping = [await _sweep_after(_TAKE, pool, jobs) for _ in range(sweeps)]
    async with pool.connection() as connection:
        cursor = await connection.execute("insert into procrastinate_workers default values returning id")
        worker = await cursor.fetchone()
        fetching = "select * from procrastinate_fetch_job_v2(array['threads']::varchar[], %(id)s)"
        fetch = await each(lambda: connection.execute(fetching, worker), fetches)
    return {
        "sweep after 20 jobs were taken": topping,
        "sweep that fills an empty queue": filling,
        "fetch of a job from the bounded queue": fetch,
    }


async def _sweep_after(statement: LiteralString, pool: database.Pool, jobs: PostgresJobs) -> float:
    async with pool.connection() as connection:
        await connection.execute(statement)
    return await seconds(lambda: jobs.sweep(GRAPH_VERSION))


async def scanned(pool: database.Pool) -> list[str]:
    """`query: table` for each big table that the plan of a read goes through from end to end."""
    found = []
    async with pool.connection() as connection:
        for name, given in READS.items():
            cursor = await connection.execute(b"explain (format json) " + query(name), given)
            row = await cursor.fetchone() or {}
            found += [f"{name}: {table}" for table in _scans(row["QUERY PLAN"][0]["Plan"])]
    return found


def _scans(plan: Mapping[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from _scans(part)


class Found(NamedTuple):
    size: Size
    reading: Mapping[str, list[float]]
    working: Mapping[str, list[float]]
    scanned: list[str]


async def measure(url: str, threads: int, events: int, calls: int, sweeps: int) -> Found:
    async with database.open_pool(url) as pool:
        size = await fill(pool, threads, events)
        found = await reading(pool, calls), await working(pool, url, sweeps, calls)
        return Found(size, *found, await scanned(pool))


def report(found: Found) -> Report:
    size = found.size
    return Report(
        "Scale: a full database",
        (
            f"{size.threads:,} threads of twenty tenants in all states, {size.events:,} events, {size.reviews:,} "
            f"reviews of which {size.open:,} are open; made up, then vacuumed and analysed.",
            f"Through the stores, rows decoded. A page is {PAGE} rows; {CALLS} calls each, of other threads, tenants "
            f"and states in turn. Big tables read from end to end: {', '.join(found.scanned) or 'none'}.",
        ),
        (*_figures(found.reading, at_most(20)), *_figures(found.working, None)),
    )


def _figures(found: Mapping[str, list[float]], target: Target | None) -> Iterator[Figure]:
    for name, taken in found.items():
        middle = f"p50 {percentile(taken, 0.5) * 1000:.2f} ms"
        yield Figure(f"{name}, p95", percentile(taken, 0.95) * 1000, "ms", target, middle)


def run() -> Report:
    with servers.plain() as server:
        return report(uvloop.run(measure(server.url, THREADS, EVENTS, CALLS, SWEEPS)))
