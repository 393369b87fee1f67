"""Commits, WAL and time per superstep: the transition saver beside stock AsyncPostgresSaver on the same server."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph

from core.events import Event, event
from graph.build import GraphState
from store import database, embedded
from store.threads import ThreadStore
from store.transitions import TransitionSaver

STEPS: Final = 50
ROUNDS: Final = 5


class Cost(NamedTuple):
    """Per superstep: transactions that wrote, all that committed (the pool's checks too), bytes of WAL, seconds."""

    writes: float
    commits: float
    wal: float
    seconds: float


MakeSaver = Callable[[database.Pool, str], Awaitable[BaseCheckpointSaver[str]]]


def counting_graph() -> StateGraph[GraphState, None, GraphState, GraphState]:
    """One node that runs STEPS times, with small state and one event a step."""

    async def count(state: GraphState) -> dict[str, Any]:
        steps = state.get("counters", {}).get("steps", 0) + 1
        return {"counters": {"steps": steps}, "events": [event("observation", what="step", why=str(steps))]}

    def onward(state: GraphState) -> str:
        return "count" if state["counters"]["steps"] < STEPS else END

    graph: StateGraph[GraphState, None, GraphState, GraphState] = StateGraph(GraphState)
    graph.add_node("count", count)
    graph.add_edge(START, "count")
    graph.add_conditional_edges("count", onward, ["count", END])
    return graph


async def ours(pool: database.Pool, thread_id: str) -> BaseCheckpointSaver[str]:
    store = ThreadStore(pool)
    row = {
        "id": thread_id, "tenant": "bench", "domain": "bench", "subject": "bench", "environment": "local", "task": {},
        "requester": "bench", "model": "none", "graph_version": 1, "release": "bench", "behaviour_versions": {},
    }  # fmt: skip
    await store.create(row, Event("thread_started", "bench", {}))
    lease = await store.take_lease(await store.find(thread_id), "bench")
    if lease is None:
        raise LookupError("a new thread has no other runner")
    return TransitionSaver(pool, thread_id, lease.epoch)


async def stock(pool: database.Pool, thread_id: str) -> BaseCheckpointSaver[str]:
    return AsyncPostgresSaver(pool)


async def cost_of(url: str, make: MakeSaver, thread_id: str) -> Cost:
    """One run of the graph. The pool is closed before counting: pooled backends report late."""
    async with database.open_pool(url) as pool:
        saver = await make(pool, thread_id)
        graph = counting_graph().compile(checkpointer=saver)
        config: Any = {"configurable": {"thread_id": thread_id}, "recursion_limit": STEPS + 5}
        before = await counters(url)
        started = time.perf_counter()
        await graph.ainvoke({"task": {}}, config, durability="sync")
        seconds = time.perf_counter() - started
    after = await counters(url)
    writes, commits, wal = ((late - early) / STEPS for early, late in zip(before, after, strict=True))
    return Cost(writes, commits, wal, seconds / STEPS)


async def counters(url: str) -> tuple[int, int, int]:
    """(transaction ids given out, transactions committed, WAL position in bytes). Only writing takes an id."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
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


async def measure(url: str, rounds: int) -> dict[str, Cost]:
    """Medians over `rounds`, the two taken in turn."""
    found: dict[str, list[Cost]] = {"transition saver": [], "AsyncPostgresSaver": []}
    for number in range(rounds):
        found["transition saver"].append(await cost_of(url, ours, f"ours{number}"))
        found["AsyncPostgresSaver"].append(await cost_of(url, stock, f"stock{number}"))
    return {name: Cost(*map(statistics.median, zip(*costs, strict=True))) for name, costs in found.items()}


def table(found: dict[str, Cost]) -> list[str]:
    lines = [f"{'per superstep':<20}{'writing transactions':>22}{'all commits':>13}{'WAL bytes':>11}{'ms':>7}"]
    for name, cost in found.items():
        lines.append(f"{name:<20}{cost.writes:>22.2f}{cost.commits:>13.2f}{cost.wal:>11.0f}{cost.seconds * 1000:>7.2f}")
    ratio = found["AsyncPostgresSaver"].seconds / found["transition saver"].seconds
    return [*lines, f"supersteps per second, ours to stock: {ratio:.2f}"]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)  # the server runs as another user when this one is root
        url = embedded.start(home)
        database.migrate(url)
        try:
            print("\n".join(table(asyncio.run(measure(url, ROUNDS)))))
        finally:
            embedded.stop(home)


if __name__ == "__main__":
    main()
