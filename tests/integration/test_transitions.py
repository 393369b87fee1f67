"""The transition saver under a real graph: events, reviews and the thread's row move with the checkpoint."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from langgraph.errors import UnknownInterruptError
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from core.canonical import canonical_json
from core.errors import LeaseLost, ToolError
from core.events import event, first_break
from graph.build import GraphState
from runtime import running
from store.database import Pool
from store.reviews import Decision, ReviewStore
from store.threads import ThreadStore
from store.transitions import TransitionSaver
from tests.integration.threads import leased, new_thread

REQUEST = {"kind": "action", "task_type": "write", "action_hash": "h", "review_configs": [], "action_requests": []}
CONFIG: Any = running.run_config("t1")


def one(state: GraphState) -> dict[str, Any]:
    return {"counters": {"steps": 1}, "events": [event("decision", action="write")]}


def asks(state: GraphState) -> dict[str, Any]:
    said = interrupt(REQUEST)
    return {"events": [event("review_applied", "dana", review=said["review"], answer="approve")]}


def ends(state: GraphState) -> dict[str, Any]:
    return {"events": [event("thread_finished", status="done", reason="")]}


def line(*nodes: Any) -> StateGraph[Any, Any, Any, Any]:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(GraphState)
    names = [START, *(node.__name__ for node in nodes), END]
    for node in nodes:
        graph.add_node(node.__name__, node)
    for before, after in pairwise(names):
        graph.add_edge(before, after)
    return graph


async def kinds(pool: Pool) -> list[str]:
    events = await ThreadStore(pool).timeline("t1")
    assert first_break(events) is None
    return [stored.kind for stored in events]


async def test_events_status_and_review_are_stored_with_the_checkpoints(pool: Pool) -> None:
    await new_thread(pool)
    saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    graph = line(one, asks, ends).compile(checkpointer=saver)
    await graph.ainvoke({"task": {}}, CONFIG, durability="sync")
    assert await kinds(pool) == ["thread_started", "lease_taken", "decision", "review_requested"]
    assert (await ThreadStore(pool).find("t1"))["status"] == "waiting"
    [review] = await ReviewStore(pool).waiting("t1")

    saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    graph = line(one, asks, ends).compile(checkpointer=saver)
    answer = {review["interrupt_id"]: {"review": review["number"]}}
    await graph.ainvoke(Command(resume=answer), CONFIG, durability="sync")
    assert (await kinds(pool))[4:] == ["lease_taken", "review_applied", "thread_finished"]
    thread = await ThreadStore(pool).find("t1")
    assert (thread["status"], thread["ending"]) == ("done", {"status": "done", "reason": ""})


async def test_the_body_of_an_event_is_stored_in_the_very_form_that_was_hashed(pool: Pool) -> None:
    said = {"z": 'Größe "quoted" \\ back', "a": {"nested": [1, 2.5, None, True]}, "emoji": "\U0001f43f", "empty": {}}

    def tells(state: GraphState) -> dict[str, Any]:
        return {"events": [event("observation", **said)], "declined": ['{"a \\ "']}

    await new_thread(pool)
    saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    found = await line(tells).compile(checkpointer=saver).ainvoke({"task": {}}, CONFIG, durability="sync")
    await saver.flush()
    async with pool.connection() as connection:
        rows = await connection.execute("select body::text from event where kind = 'observation'")
        assert [row["body"] for row in await rows.fetchall()] == [canonical_json(said)]
    stored = await saver.aget_tuple(CONFIG)
    assert stored is not None and stored.checkpoint["channel_values"]["declined"] == found["declined"]


async def test_the_event_sink_leaves_nothing_in_any_checkpoint(pool: Pool) -> None:
    await new_thread(pool)
    saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    await line(one, ends).compile(checkpointer=saver).ainvoke({"task": {}}, CONFIG, durability="sync")
    async with pool.connection() as connection:
        for table in ("checkpoint_blobs", "checkpoint_writes"):
            rows = await (await connection.execute(f"select 1 from {table} where channel = 'events'")).fetchall()
            assert rows == []
        versions = await (
            await connection.execute("select 1 from checkpoints where checkpoint->'channel_versions' ? 'events'")
        ).fetchall()
    assert versions == []


async def test_a_fenced_run_stores_nothing_more(pool: Pool) -> None:
    await new_thread(pool)
    old = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    await leased(pool)
    before = await kinds(pool)
    with pytest.raises(LeaseLost, match="taken over by another runner"):
        await line(one, ends).compile(checkpointer=old).ainvoke({"task": {}}, CONFIG, durability="sync")
    assert await kinds(pool) == before
    async with pool.connection() as connection:
        assert await (await connection.execute("select 1 from checkpoints")).fetchall() == []


async def test_a_node_that_raises_leaves_a_failure_and_a_failed_thread_that_can_go_on(pool: Pool) -> None:
    broken = True

    def breaks(state: GraphState) -> dict[str, Any]:
        if broken:
            raise ToolError("key \x00 refused", "model_refused")
        return {"events": [event("commit", action="write")]}

    await new_thread(pool)
    saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    with pytest.raises(ToolError):
        await line(one, breaks, ends).compile(checkpointer=saver).ainvoke({"task": {}}, CONFIG, durability="sync")
    events = await ThreadStore(pool).timeline("t1")
    assert events[-1].kind == "failure" and events[-1].body["class"] == "model_refused"
    assert (await ThreadStore(pool).find("t1"))["status"] == "failed"

    broken = False
    saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    await line(one, breaks, ends).compile(checkpointer=saver).ainvoke(None, CONFIG, durability="sync")
    assert (await kinds(pool))[-2:] == ["commit", "thread_finished"]
    assert (await kinds(pool)).count("decision") == 1


async def test_a_sibling_that_ends_after_an_interrupt_is_stored_by_the_flush(pool: Pool) -> None:
    def fan(state: GraphState) -> dict[str, Any]:
        return {}

    async def sibling(state: GraphState) -> dict[str, Any]:
        return {"events": [event("tool_result", action="slow", summary="")]}

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(GraphState)
    for node in (fan, asks, sibling):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "fan")
    graph.add_conditional_edges("fan", lambda state: [Send("asks", state), Send("sibling", state)], ["asks", "sibling"])
    await new_thread(pool)
    saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    await graph.compile(checkpointer=saver).ainvoke({"task": {}}, CONFIG, durability="sync")
    await saver.flush()
    assert sorted((await kinds(pool))[2:]) == ["review_requested", "tool_result"]


async def test_a_resume_of_an_interrupt_that_is_not_pending_is_an_error(pool: Pool) -> None:
    """The strict-resume key is private to langgraph: this test is what pins it."""
    await new_thread(pool)
    saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    graph = line(one, asks, ends).compile(checkpointer=saver)
    await graph.ainvoke({"task": {}}, CONFIG, durability="sync")
    with pytest.raises(UnknownInterruptError, match="already-consumed"):
        await graph.ainvoke(Command(resume={"0" * 32: "yes"}), CONFIG, durability="sync")


async def test_an_interrupt_that_is_raised_again_reopens_nothing(pool: Pool) -> None:
    await new_thread(pool)
    saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    await line(one, asks, ends).compile(checkpointer=saver).ainvoke({"task": {}}, CONFIG, durability="sync")
    store = ReviewStore(pool)
    [review] = await store.waiting("t1")
    decision = Decision("approve", "dana", False, {"type": "approve"}, "h", False)
    await store.decide(await store.get(review["number"]), decision)
    saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    await line(one, asks, ends).compile(checkpointer=saver).ainvoke(None, CONFIG, durability="sync")
    assert [row["state"] for row in await store.waiting("t1")] == ["decided"]
    assert (await kinds(pool)).count("review_requested") == 1


async def test_a_run_that_died_after_taking_up_an_answer_takes_it_up_again(pool: Pool) -> None:
    dies = True

    def asks_and_dies(state: GraphState) -> dict[str, Any]:
        said = interrupt(REQUEST)
        if dies:
            raise RuntimeError("between the answer and its checkpoint")
        return {"events": [event("review_applied", "dana", review=said["review"], answer="approve")]}

    async def run(store: ReviewStore) -> None:
        saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
        graph = line(one, asks_and_dies, ends).compile(checkpointer=saver)
        given = running.next_input({}, await graph.aget_state(CONFIG), await store.waiting("t1"))
        await graph.ainvoke(given, CONFIG, durability="sync")

    await new_thread(pool)
    store = ReviewStore(pool)
    await run(store)
    [review] = await store.waiting("t1")
    decision = Decision("approve", "dana", False, {"type": "approve"}, "h", False)
    await store.decide(await store.get(review["number"]), decision)
    with pytest.raises(RuntimeError, match="between the answer"):
        await run(store)
    dies = False
    await run(store)
    assert (await kinds(pool))[-2:] == ["review_applied", "thread_finished"]
    assert await store.waiting("t1") == []
