"""Commits and WAL per superstep: the transition saver beside the stock one on the same server."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import psycopg
import uvloop

from bench import counting, servers
from bench.counting import OURS, STOCK, Contender
from bench.figures import Figure, Report, at_most
from bench.waiting import until

ROUNDS: Final = 7


class Cost(NamedTuple):
    """Per superstep: transactions that wrote, all that committed, bytes of WAL."""

    writes: float
    commits: float
    wal: float


async def cost_of(url: str, contender: Contender, runs: int) -> Cost:
    """The cost of `runs` runs of the graph, one after another, with a pool opened and closed around them.

    With one connection, so that all is prepared on it after the first run. The thread is made beforehand and the pool
    is closed before counting: pooled connections report late.
    """
    threads = [counting.new_thread() for _ in range(runs)]
    async with contender.open_pool(url, 1) as pool:
        epochs = [await contender.prepare(pool, thread) for thread in threads]
    before = await counters(url)
    async with contender.open_pool(url, 1) as pool:
        for thread, epoch in zip(threads, epochs, strict=True):
            await counting.ready(contender.saver(pool, thread, epoch), thread)
    after = await counters(url)
    return Cost(*((late - early) / counting.STEPS for early, late in zip(before, after, strict=True)))


async def counters(url: str) -> tuple[int, int, int]:
    """(transaction ids given out, transactions committed, WAL position in bytes). Only writing takes an id."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        async with connection.transaction():  # one, however often it looks: it counts its own commits too
            await until(lambda: _alone(connection), "the connections of the pool are gone")
        await connection.execute("select pg_stat_force_next_flush()")
        cursor = await connection.execute(
            "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint, xact_commit,"
            " pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
            " from pg_stat_database where datname = current_database()"
        )
        row = await cursor.fetchone()
    if row is None:
        raise LookupError("pg_stat_database has no row for this database")
    return row[0], row[1], row[2]


async def _alone(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> bool:
    await connection.execute("select pg_stat_clear_snapshot()")
    cursor = await connection.execute(
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()"
    )
    return await cursor.fetchone() == (0,)


async def measure(url: str, rounds: int) -> Mapping[str, Cost]:
    """Medians over `rounds` taken in turn, of a second run over the same pool: the first opens and prepares."""
    found: dict[str, list[Cost]] = {OURS.name: [], STOCK.name: []}
    for _ in range(rounds):
        for contender in (OURS, STOCK):
            first = await cost_of(url, contender, runs=1)
            both = await cost_of(url, contender, runs=2)
            found[contender.name].append(Cost(*(two - one for one, two in zip(first, both, strict=True))))
    return {name: _medians(costs) for name, costs in found.items()}


def _medians(costs: Sequence[Cost]) -> Cost:
    return Cost(*map(statistics.median, zip(*costs, strict=True)))


def report(found: Mapping[str, Cost]) -> Report:
    our, other = found[OURS.name], found[STOCK.name]
    return Report(
        "Superstep: commits and WAL",
        (
            f"A graph of {counting.STEPS} supersteps with small state that ends in an interrupt, durability sync; "
            "the second run over a pool, since the first also opens connections and prepares statements.",
            "Ours stores events, the review and the thread's row besides; the stock saver stores none of it and has a "
            "pool that checks no connection.",
        ),
        (
            Figure("commits per superstep", our.commits, "", at_most(1.1), f"stock {other.commits:.2f}"),
            Figure("writing transactions per superstep", our.writes, "", None, f"stock {other.writes:.2f}"),
            Figure("WAL per superstep", our.wal, "bytes", at_most(6144), f"stock {other.wal:,.0f} bytes"),
        ),
    )


def run() -> Report:
    with servers.plain() as server:
        return report(uvloop.run(measure(server.url, ROUNDS)))
