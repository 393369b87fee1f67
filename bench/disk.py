"""Disk per superstep, in all and as a thread grows: the real content pipeline over more than 200 supersteps."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import uvloop

from bench import model_server, servers
from bench.applications import settings
from bench.figures import Figure, Report, at_most
from runtime import seo, threads
from runtime.wiring import Application, open_application

KEYWORDS: Final = (
    "crm for startups", "kanban vs scrum", "payroll software pricing", "what is churn rate", "invoice template",
    "best time tracking software",
)  # fmt: skip
"""So many that the first pages of tables and indexes, which are there for any number of threads, count for little."""
REVIEWER: Final = threads.Person("simulated reviewer")
REFUSALS: Final[Mapping[str, int]] = {"set_intent": 3, "set_angle": 4, "set_outline": 4, "save_draft": 12}
"""How often the simulated reviewer says no to each step before the yes, so that a thread gets long enough."""
EARLY, LATE = range(11, 31), range(191, 211)
"""The supersteps around the 20th and around the 200th."""

STATE: Final = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
RECORD: Final = (
    "thread", "event", "review", "outcome", "operation", "operation_history", "document", "spend",
    "spend_hold",
)  # fmt: skip
CONTENT: Final = ("artifact",)
CALLS: Final = ("model_call",)

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes on disk of groups of tables, indexes and TOAST included."""

    steps: int
    content: int
    calls: int


@dataclass(frozen=True, slots=True)
class Found:
    """Sizes before the first keyword, after the first half of them and a vacuum, after all, and after `vacuum full`; of
    each thread superstep -> bytes of its rows."""

    before: Sizes
    half: Sizes
    left: Sizes
    vacuumed: Sizes
    grown: Sequence[Mapping[int, int]]


async def walk(app: Application, keyword: str, refusals: Mapping[str, int]) -> str:
    """One keyword to its end with the simulated reviewer; the thread's id."""
    asked = seo.Request(keyword, "en-US", seo.bundled_profile(), None, "bench")
    thread_id = await threads.start(
        app, await seo.prepare(app.settings, app.artifacts, (await app.choice()).label, asked)
    )
    refused: Counter[str] = Counter()
    thread = await threads.advance(app, thread_id)
    while thread["status"] == "waiting":
        [review] = [row for row in await app.reviews.waiting(thread_id) if row["state"] == "open"]
        task_type = (await app.reviews.get(review["number"]))["task_type"]
        no = refused[task_type] < refusals.get(task_type, 0)
        refused[task_type] += no
        message = "Say it another way." if no else ""
        await threads.decide(app, review["number"], "reject" if no else "approve", REVIEWER, message=message)
        thread = await threads.advance(app, thread_id)
    return thread_id


async def sizes(connection: Connection) -> Sizes:
    return Sizes(*[await _bytes(connection, group) for group in ((*STATE, *RECORD), CONTENT, CALLS)])


async def _bytes(connection: Connection, tables: Sequence[str]) -> int:
    cursor = await connection.execute(
        "select coalesce(sum(pg_total_relation_size(oid)), 0)::bigint from pg_class where relname = any(%s)"
        " and relkind = 'r' and relnamespace = 'public'::regnamespace",
        [list(tables)],
    )
    [row] = await cursor.fetchall()
    return int(row[0])


async def by_superstep(connection: Connection, thread_id: str) -> dict[int, int]:
    """Superstep -> bytes of the rows stored for it (as stored, without indexes): what grows shows here."""
    found: Counter[int] = Counter()
    for table in ("checkpoints", "checkpoint_writes", "event", "review"):
        rows = await _rows(
            connection,
            "select (checkpoints.metadata->>'step')::int, sum(" + await _row_bytes(connection, table) + ")::bigint"
            f" from {table} stored join checkpoints using (thread_id, checkpoint_id)"
            " where thread_id = %s and checkpoints.checkpoint_ns = '' group by 1",
            thread_id,
        )
        found.update(dict(rows))
    blobs = await _rows(
        connection,
        "with first as (select channel, version, min((metadata->>'step')::int) as step from checkpoints,"
        " jsonb_each_text(checkpoint->'channel_versions') named (channel, version)"
        " where thread_id = %s and checkpoint_ns = '' group by 1, 2)"
        " select step, sum(" + await _row_bytes(connection, "checkpoint_blobs") + ")::bigint"
        " from checkpoint_blobs stored join first using (channel, version)"
        " where stored.thread_id = %s group by 1",
        thread_id,
        thread_id,
    )
    found.update(dict(blobs))
    return dict(found)


async def _row_bytes(connection: Connection, table: str) -> str:
    """SQL for the stored bytes of one row of `stored`: 28 of header and line pointer, and each column."""
    names = await _rows(
        connection,
        "select column_name from information_schema.columns where table_schema = 'public' and table_name = %s",
        table,
    )
    return " + ".join(["28", *(f"coalesce(pg_column_size(stored.{name}), 0)" for (name,) in names)])


async def _rows(connection: Connection, statement: str, *given: str) -> list[tuple[Any, ...]]:
    # Built of the names above and of the catalogue's, never of what a person typed.
    return await (await connection.execute(statement, given)).fetchall()


async def measure(url: str, home: Path, keywords: Sequence[str], refusals: Mapping[str, int]) -> Found:
    """Walk each keyword on an empty database."""
    with model_server.serving() as server:
        async with (
            await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
            open_application(settings(url, home, **server.settings)) as app,
        ):
            before = await sizes(connection)
            middle = len(keywords) // 2
            walked = [await walk(app, keyword, refusals) for keyword in keywords[:middle]]
            await connection.execute("vacuum")  # as autovacuum does by itself, but for waiting
            half = await sizes(connection)
            walked += [await walk(app, keyword, refusals) for keyword in keywords[middle:]]
            left = await sizes(connection)
            grown = [await by_superstep(connection, thread_id) for thread_id in walked]
            await connection.execute("vacuum full")
            return Found(before, half, left, await sizes(connection), grown)


def report(found: Found) -> Report:
    supersteps = sum(map(len, found.grown))
    later = sum(map(len, found.grown[len(found.grown) // 2 :]))
    early, late = (
        [thread[step] for thread in found.grown for step in window if step in thread] for window in (EARLY, LATE)
    )
    middle, mean = statistics.median(late) / statistics.median(early), statistics.mean(late) / statistics.mean(early)

    def each(size: int, empty: int) -> float:
        return (size - empty) / supersteps

    return Report(
        "Disk per superstep",
        (
            f"The content pipeline: {len(found.grown)} keywords, {supersteps} supersteps in all, the longest thread "
            f"{max(map(len, found.grown))}; sections of about {model_server.WORDS} words from a model server of the "
            "bench's own. The reviewer is simulated: it refuses often, so that a thread gets long.",
            "Tables with their indexes, LangGraph's and ours; less what they take when empty. Growth: by the second "
            "half, dead rows and all, after a vacuum behind the first half. Artifacts and the record of model calls "
            "(whole prompts) are content and counted apart. Rows: as stored, without indexes.",
        ),
        (
            Figure(
                "disk per superstep, after vacuum full",
                each(found.vacuumed.steps, found.before.steps),
                "bytes",
                at_most(6144),
            ),
            Figure(
                "disk per superstep, growth of the files",
                (found.left.steps - found.half.steps) / later,
                "bytes",
                at_most(6144),
            ),
            Figure("artifacts per superstep", each(found.left.content, found.before.content), "bytes"),
            Figure("record of model calls per superstep", each(found.left.calls, found.before.calls), "bytes"),
            Figure("rows of a superstep, median around the 20th", statistics.median(early), "bytes"),
            Figure("rows of a superstep, median around the 200th", statistics.median(late), "bytes"),
            Figure("the 200th to the 20th, medians", middle, "×", at_most(1.3)),
            Figure("the 200th to the 20th, means", mean, "×"),
        ),
    )


def run() -> Report:
    with servers.plain() as server:
        return report(uvloop.run(measure(server.url, server.home / "home", KEYWORDS, REFUSALS)))
