"""What a superstep costs the database, counted by the database."""

from __future__ import annotations

from typing import Any

import psycopg
from langgraph.graph import END, START, StateGraph

from graph.build import GraphState
from store import database
from store.transitions import TransitionSaver
from tests.integration.test_transitions import CONFIG, one
from tests.integration.threads import leased, new_thread

_OTHERS = (
    "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    " and backend_type = 'client backend'"
)


async def counted(url: str) -> tuple[int, int]:
    """(transactions committed in this database, bytes of WAL so far), once all others have ended, and so reported."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while await (await connection.execute(_OTHERS)).fetchone():
            pass
        cursor = await connection.execute(
            "select xact_commit, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
            " from pg_stat_database where datname = current_database()"
        )
        row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1]


def chain_of(steps: int) -> StateGraph[Any, Any, Any, Any]:
    def step(state: GraphState) -> dict[str, Any]:
        return {**one(state), "counters": {"steps": state.get("counters", {}).get("steps", 0) + 1}}

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(GraphState)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda state: "step" if state["counters"]["steps"] < steps else END)
    return graph


async def cost(url: str, thread_id: str, steps: int) -> tuple[int, int]:
    """What a whole run costs, opening and closing its pool included. Backends report when they end."""
    async with database.open_pool(url, size=1) as pool:
        await new_thread(pool, thread_id)
        epoch = (await leased(pool, thread_id)).epoch
    before = await counted(url)
    async with database.open_pool(url, size=1) as pool:
        saver = TransitionSaver(pool, thread_id, epoch)
        config: Any = {"configurable": {"thread_id": thread_id}, "recursion_limit": CONFIG["recursion_limit"]}
        await chain_of(steps).compile(checkpointer=saver).ainvoke({"task": {}}, config, durability="sync")
        await saver.flush()
    after = await counted(url)
    return after[0] - before[0], after[1] - before[1]


async def test_a_superstep_more_is_one_commit_more_and_few_bytes(database_url: str) -> None:
    short, long = await cost(database_url, "t1", 10), await cost(database_url, "t2", 110)
    assert (long[0] - short[0]) / 100 <= 1.1
    assert (long[1] - short[1]) / 100 <= 6 * 1024
