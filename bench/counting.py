"""The graph that is counted: many small supersteps, one event each, and one interrupt at the end; and who stores it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from core.events import Event, event
from graph.build import GraphState
from graph.edges import add_routes
from store import database
from store.threads import ThreadStore
from store.transitions import TransitionSaver

STEPS: Final = 50
"""Supersteps of one run: all but the last count, the last one asks."""

Saver = BaseCheckpointSaver[str]
REQUEST: Final[Mapping[str, Any]] = {
    "kind": "action", "task_type": "count", "action_hash": "0" * 64,
    "action_requests": [{"name": "count", "args": {}}],
    "review_configs": [{"action_name": "count", "allowed_decisions": ["approve", "reject"]}],
}  # fmt: skip


def counting_graph() -> StateGraph[GraphState, None, GraphState, GraphState]:
    """STEPS supersteps with small state and one event a step; it ends waiting for a person."""

    async def count(state: GraphState) -> dict[str, Any]:
        counted = state.get("counters", {}).get("steps", 0) + 1
        return {"counters": {"steps": counted}, "events": [event("observation", what="step", why=str(counted))]}

    async def ask(state: GraphState) -> dict[str, Any]:
        interrupt(REQUEST)
        return {}

    def onward(state: GraphState) -> Literal["count", "ask"]:
        return "count" if state["counters"]["steps"] < STEPS - 1 else "ask"

    graph: StateGraph[GraphState, None, GraphState, GraphState] = StateGraph(GraphState)
    graph.add_node("count", count)
    graph.add_node("ask", ask)
    graph.add_edge(START, "count")
    add_routes(graph, "count", onward)
    graph.add_edge("ask", END)
    return graph


async def _leased(pool: database.Pool, thread_id: str) -> int:
    """A new thread's row and its lease, which the transition saver writes under; the epoch."""
    store = ThreadStore(pool)
    row = {
        "id": thread_id, "tenant": "bench", "domain": "bench", "subject": "bench", "environment": "local", "task": {},
        "requester": "bench", "model": "none", "graph_version": 1, "release": "bench", "behaviour_versions": {},
    }  # fmt: skip
    await store.create(row, Event("thread_started", "bench", {}))
    lease = await store.take_lease(await store.find(thread_id), "bench")
    if lease is None:
        raise LookupError("a new thread has no other runner")
    return lease.epoch


async def _nothing(pool: database.Pool, thread_id: str) -> int:
    return 0


@asynccontextmanager
async def _stock_pool(url: str, size: int) -> AsyncIterator[database.Pool]:
    """The pool at its best for the stock saver: nothing is checked when a connection is handed out."""
    kwargs = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool: database.Pool = AsyncConnectionPool(
        url, connection_class=AsyncConnection[DictRow], min_size=1, max_size=size, kwargs=kwargs, open=False
    )
    async with pool:
        yield pool


@asynccontextmanager
async def _our_pool(url: str, size: int) -> AsyncIterator[database.Pool]:
    """The pool as the application opens it."""
    async with database.open_pool(url, size) as pool:
        yield pool


@dataclass(frozen=True, slots=True)
class Contender:
    """Who stores the run: how its pool is opened, what a thread needs before it runs, and its saver."""

    name: str
    open_pool: Callable[[str, int], AbstractAsyncContextManager[database.Pool]]
    prepare: Callable[[database.Pool, str], Awaitable[int]]
    saver: Callable[[database.Pool, str, int], Saver]


OURS: Final = Contender("transition saver", _our_pool, _leased, TransitionSaver)
"""With events, the review and the thread's row."""
STOCK: Final = Contender(
    "AsyncPostgresSaver", _stock_pool, _nothing, lambda pool, _thread, _epoch: AsyncPostgresSaver(pool)
)
"""Without any of it."""


async def fill(pool: database.Pool, size: int) -> None:
    """Open every connection that the pool may have, so that none is opened while the clock runs."""
    async with AsyncExitStack() as held:
        await asyncio.gather(*(held.enter_async_context(pool.connection()) for _ in range(size)))


def ready(saver: Saver, thread_id: str) -> Coroutine[Any, Any, None]:
    """One run to its interrupt, with everything stored; to be awaited. The graph is compiled already."""
    graph = counting_graph().compile(checkpointer=saver)
    config: Any = {"configurable": {"thread_id": thread_id}, "recursion_limit": STEPS + 5}

    async def run() -> None:
        await graph.ainvoke({"task": {}}, config, durability="sync")
        if isinstance(saver, TransitionSaver):
            await saver.flush()

    return run()


def new_thread() -> str:
    return uuid.uuid4().hex[:10]
