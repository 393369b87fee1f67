"""One run of the graph over a thread: what it is fed, how it is run, and the files that show the work so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal, cast

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl
from langgraph.types import Command, StateSnapshot

from core.state import Json, ThreadState
from graph.build import GraphState, build
from nodes.bindings import Bindings
from nodes.views import view_of
from runtime.forks import seed
from runtime.states import state_at
from runtime.wiring import Application, write_export
from store.threads import Lease

RECURSION_LIMIT: Final = 1_000
"""Supersteps of one advance; the step limit of policy/limits.py ends a thread long before."""

Graph = CompiledStateGraph[GraphState, None, GraphState, GraphState]
Observer = Callable[[str, Json], None]
"""Called with a node's name and its update, as soon as the step is stored."""


async def run(app: Application, thread: Json, lease: Lease, observe: Observer | None, control: RunControl) -> None:
    """To the next interrupt, the end, or the next step after `control` was asked to drain. Raises what stopped it."""
    saver = app.parts.saver(app.pool, lease.thread_id, lease.epoch)
    bound = await app.bind(thread, lease.epoch)
    graph: Graph = build(bound).compile(checkpointer=saver)
    config = run_config(lease.thread_id)
    snapshot = await graph.aget_state(config)
    if thread["fork"] and not snapshot.config["configurable"].get("checkpoint_id"):
        begins = await state_at(app, thread["fork"]["from"], thread["fork"]["checkpoint"])
        await seed(graph, config, bound.domain, thread, begins)
        snapshot = await graph.aget_state(config)
    given = next_input(thread["task"], snapshot, await app.reviews.waiting(lease.thread_id))
    if given == "wait":
        await app.threads.set_status(lease.thread_id, "waiting")
        return
    first = None if given == "continue" else given
    try:
        async for update in graph.astream(first, config, stream_mode="updates", durability="sync", control=control):
            for node, changes in update.items():
                if observe is not None and isinstance(changes, dict):
                    observe(node, changes)
    except GraphDrained:
        return  # in the middle, where there may be nothing to show yet
    finally:
        await saver.flush()
    files = await _export(app, bound, graph, config)
    if observe is not None:
        observe("export", {"files": files})


def next_input(
    task: Json, snapshot: StateSnapshot, reviews: Any
) -> GraphState | Command[Any] | Literal["continue", "wait"]:
    """What to feed the graph: the task at the start, a decision that fits a pending interrupt, or nothing new. Pure."""
    if not snapshot.config["configurable"].get("checkpoint_id"):
        return GraphState(task=task, results={}, counters={})
    pending = {interrupt.id for interrupt in snapshot.interrupts}
    for review in reviews:
        if review["state"] == "decided" and review["interrupt_id"] in pending:
            answer = {"decisions": [review["decision"]], "review": review["number"]}
            return Command(resume={review["interrupt_id"]: answer})
    return "wait" if pending else "continue"


def run_config(thread_id: str) -> RunnableConfig:
    """How a thread is run."""
    # Strict resume: an answer to an interrupt that is not pending is an error, not a no-op. A private key; tested.
    return {
        "configurable": {"thread_id": thread_id, "__pregel_strict_resume": True},
        "recursion_limit": RECURSION_LIMIT,
    }


async def _export(app: Application, bound: Bindings, graph: Graph, config: RunnableConfig) -> list[Path]:
    """Write the domain's files that show the work so far."""
    snapshot = await graph.aget_state(config)
    view = await view_of(app.artifacts, bound.domain.reads, cast("ThreadState", snapshot.values))
    exports = await asyncio.to_thread(bound.domain.exports, view)  # up to a second of computing
    return [
        await asyncio.to_thread(write_export, view.task["content_dir"], path, text) for path, text in exports.items()
    ]
