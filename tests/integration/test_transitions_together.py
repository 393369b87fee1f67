"""The transition saver with more than one of everything: writers, tasks, graphs, and a database that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Interrupt, RetryPolicy, Send, interrupt

from core.errors import AutonomyError, LeaseLost, ToolError
from core.events import Event, event
from core.retries import POSTPONEMENTS
from graph.build import GraphState
from runtime import running
from store import transitions
from store.database import Pool
from store.events import append, lock_thread
from store.reviews import ReviewStore
from store.threads import ThreadStore
from store.transitions import TransitionSaver
from tests.integration.test_transitions import CONFIG, REQUEST, asks, ends, kinds, line, one
from tests.integration.threads import leased, new_thread

DEADLINE = 10.0


async def saver_of(pool: Pool) -> TransitionSaver:
    return TransitionSaver(pool, "t1", (await leased(pool)).epoch)


START_INPUT: Any = {"task": {}}


async def run(saver: TransitionSaver, graph: StateGraph[Any, Any, Any, Any], given: Any = START_INPUT) -> None:
    """As runtime/running.py does it. `given` None: go on where it stopped."""
    try:
        await graph.compile(checkpointer=saver).ainvoke(given, CONFIG, durability="sync")
    finally:
        await saver.flush()


def fan(*nodes: Any) -> StateGraph[Any, Any, Any, Any]:
    """A first node, and all of `nodes` in one superstep after it, in this order of task paths."""
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(GraphState)
    graph.add_node("first", lambda state: {"counters": {"steps": 1}})
    graph.add_edge(START, "first")
    for node in nodes:
        graph.add_node(node.__name__, node)
    names = [node.__name__ for node in nodes]
    graph.add_conditional_edges("first", lambda state: [Send(name, state) for name in names], names)
    return graph


async def row(pool: Pool, thread_id: str = "t1") -> dict[str, Any]:
    return await ThreadStore(pool).find(thread_id)


async def bodies(pool: Pool, kind: str) -> list[dict[str, Any]]:
    return [stored.body for stored in await ThreadStore(pool).timeline("t1") if stored.kind == kind]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not await condition():  # noqa: ASYNC110 - the database has no event to wait for
            await asyncio.sleep(0)


async def count(pool: Pool, table: str) -> int:
    async with pool.connection() as connection:
        found = await (await connection.execute(f"select count(*) from {table}")).fetchone()
    assert found is not None
    return int(found["count"])


async def test_a_run_that_is_fenced_between_two_supersteps_stores_nothing_of_the_second(pool: Pool) -> None:
    async def is_fenced(state: GraphState) -> dict[str, Any]:
        await leased(pool)
        return {"events": [event("decision", action="late")]}

    await new_thread(pool)
    saver = await saver_of(pool)
    with pytest.raises(LeaseLost):
        await run(saver, line(one, is_fenced, ends))
    told = await bodies(pool, "decision")
    assert [body["action"] for body in told] == ["write"]
    assert await kinds(pool) == ["thread_started", "lease_taken", "decision", "lease_taken"]
    assert await count(pool, "checkpoints") == 3  # the input's, the start's and that of the first node


async def test_of_two_runs_that_write_at_the_same_time_only_the_one_with_the_lease_does(pool: Pool) -> None:
    def many(name: str) -> StateGraph[Any, Any, Any, Any]:
        async def step(state: GraphState) -> dict[str, Any]:
            steps = state.get("counters", {}).get("steps", 0) + 1
            return {"counters": {"steps": steps}, "events": [event("decision", action=name)]}

        graph: StateGraph[Any, Any, Any, Any] = StateGraph(GraphState)
        graph.add_node("step", step)
        graph.add_edge(START, "step")
        graph.add_conditional_edges("step", lambda state: "step" if state["counters"]["steps"] < 20 else END)
        return graph

    await new_thread(pool)
    old = await saver_of(pool)
    first = asyncio.create_task(run(old, many("old")))
    await until(lambda: bodies(pool, "decision"))
    new = await saver_of(pool)
    before = len(await kinds(pool))
    outcomes = await asyncio.gather(first, run(new, many("new")), return_exceptions=True)
    assert isinstance(outcomes[0], LeaseLost) and outcomes[1] is None
    after = [stored.body["action"] for stored in (await ThreadStore(pool).timeline("t1"))[before:]]
    assert set(after) == {"new"}
    assert await kinds(pool)


async def test_an_event_appended_between_two_supersteps_keeps_its_place_and_the_run_goes_on(pool: Pool) -> None:
    async def meanwhile(state: GraphState) -> dict[str, Any]:
        async with pool.connection() as connection, connection.transaction():
            await append(connection, await lock_thread(connection, "t1"), [Event("tool_attempt", "runtime", {"n": 1})])
        return {"events": [event("decision", action="after")]}

    await new_thread(pool)
    await run(await saver_of(pool), line(one, meanwhile, ends))
    assert (await kinds(pool))[2:] == ["decision", "tool_attempt", "decision", "thread_finished"]


async def test_events_of_one_superstep_are_in_the_order_of_its_tasks_whichever_ends_first(pool: Pool) -> None:
    quick_is_done = asyncio.Event()

    async def slow(state: GraphState) -> dict[str, Any]:
        await quick_is_done.wait()
        return {"events": [event("tool_result", action="slow", summary="")]}

    async def quick(state: GraphState) -> dict[str, Any]:
        quick_is_done.set()
        return {"events": [event("tool_result", action="quick", summary="")]}

    await new_thread(pool)
    await run(await saver_of(pool), fan(slow, quick))
    assert [body["action"] for body in await bodies(pool, "tool_result")] == ["slow", "quick"]


async def test_a_finished_sibling_of_a_slow_task_is_stored_while_that_still_runs(pool: Pool) -> None:
    async def slow(state: GraphState) -> dict[str, Any]:
        await until(lambda: bodies(pool, "tool_result"))
        raise RuntimeError("the process dies here")

    ran = []

    async def quick(state: GraphState) -> dict[str, Any]:
        ran.append(1)
        return {"events": [event("tool_result", action="quick", summary="")]}

    await new_thread(pool)
    with pytest.raises(RuntimeError, match="dies here"):
        await run(await saver_of(pool), fan(slow, quick))

    async def well(state: GraphState) -> dict[str, Any]:
        return {}

    well.__name__ = "slow"
    saver = await saver_of(pool)
    await fan(well, quick).compile(checkpointer=saver).ainvoke(None, CONFIG, durability="sync")
    await saver.flush()
    assert ran == [1]  # a task that told only events has ended all the same
    assert len(await bodies(pool, "tool_result")) == 1


async def test_a_background_flush_that_fails_is_raised_by_the_next_put_and_loses_nothing(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(TransitionSaver):
        broken = asyncio.Event()

        async def _write(self, *given: Any) -> bool:
            tells = any(channel == "events" for task in self._buffer for channel, _ in task.writes)
            if asyncio.current_task() is self._lingering and tells and not self.broken.is_set():
                self.broken.set()
                raise psycopg.OperationalError("the connection was cut")
            return await super()._write(*given)

    async def slow(state: GraphState) -> dict[str, Any]:
        await saver.broken.wait()
        return {}

    async def quick(state: GraphState) -> dict[str, Any]:
        return {"events": [event("tool_result", action="quick", summary="")]}

    await new_thread(pool)
    monkeypatch.setattr(transitions, "LINGER", 0.0)
    saver = Failing(pool, "t1", (await leased(pool)).epoch)
    with pytest.raises(psycopg.OperationalError, match="was cut"):
        await fan(slow, quick).compile(checkpointer=saver).ainvoke({"task": {}}, CONFIG, durability="sync")
    await saver.flush()
    assert await kinds(pool) == ["thread_started", "lease_taken", "tool_result"]


async def test_a_background_flush_that_fails_is_raised_by_the_flush_at_the_end_of_the_run(pool: Pool) -> None:
    await new_thread(pool)
    saver = await saver_of(pool)
    place: Any = {"configurable": {"thread_id": "t1", "checkpoint_ns": "", "checkpoint_id": "c1"}}
    await saver.aput_writes(place, [("events", [event("decision", action="write")])], "task")
    await leased(pool)
    await until(lambda: asyncio.sleep(0, saver._failed))
    with pytest.raises(LeaseLost):
        await saver.flush()


async def test_a_commit_whose_answer_never_came_is_not_told_twice(pool: Pool) -> None:
    class Cut(TransitionSaver):
        cut = False

        async def _write(self, *given: Any) -> bool:
            stored = await super()._write(*given)
            tells = any(channel == "events" for task in self._buffer for channel, _ in task.writes)
            if tells and not self.cut:
                self.cut = True
                raise psycopg.OperationalError("the server went away with its answer")
            return stored

    await new_thread(pool)
    saver = Cut(pool, "t1", (await leased(pool)).epoch)
    with pytest.raises(psycopg.OperationalError, match="went away"):
        await run(saver, line(one, ends))
    assert (await kinds(pool)).count("decision") == 1


async def test_a_sibling_that_fails_after_an_interrupt_leaves_the_thread_waiting_and_is_told(pool: Pool) -> None:
    async def fails(state: GraphState) -> dict[str, Any]:
        await until(lambda: ReviewStore(pool).waiting("t1"))
        raise ToolError("no", "tool_refused")

    await new_thread(pool)
    with pytest.raises(ToolError):
        await run(await saver_of(pool), fan(asks, fails))
    assert (await kinds(pool))[2:] == ["review_requested", "failure"]
    assert (await bodies(pool, "failure"))[0]["fatal"] is False
    assert (await row(pool))["status"] == "waiting"


async def test_two_tasks_that_ask_in_one_superstep_open_two_reviews(pool: Pool) -> None:
    def also_asks(state: GraphState) -> dict[str, Any]:
        interrupt(REQUEST)
        return {}

    await new_thread(pool)
    await run(await saver_of(pool), fan(asks, also_asks))
    assert (await kinds(pool))[2:] == ["review_requested", "review_requested"]
    assert (await row(pool))["status"] == "waiting"


async def test_a_sibling_cancelled_by_a_failure_is_no_failure(pool: Pool) -> None:
    async def waits(state: GraphState) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def fails(state: GraphState) -> dict[str, Any]:
        raise ToolError("no", "tool_refused")

    await new_thread(pool)
    with pytest.raises(ToolError):
        await run(await saver_of(pool), fan(waits, fails))
    assert [body["error"] for body in await bodies(pool, "failure")] == ["ToolError"]
    assert (await row(pool))["status"] == "failed"
    async with pool.connection() as connection:
        cursor = await connection.execute("select blob from checkpoint_writes where channel = '__error__'")
        assert sum(b"CancelledError" in stored["blob"] for stored in await cursor.fetchall()) == 1


async def test_a_handled_error_is_told_and_does_not_end_the_thread(pool: Pool) -> None:
    def fails(state: GraphState) -> dict[str, Any]:
        raise ToolError("no", "tool_refused")

    def handles(state: GraphState) -> dict[str, Any]:
        return {"events": [event("tool_result", action="handled", summary="")]}

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(GraphState)
    graph.add_node("fails", fails, error_handler=handles)
    graph.add_node("ends", ends)
    graph.add_edge(START, "fails")
    graph.add_edge("fails", "ends")
    await new_thread(pool)
    await run(await saver_of(pool), graph)
    assert (await bodies(pool, "failure"))[0]["fatal"] is False
    assert (await kinds(pool))[2:4] == ["failure", "tool_result"]
    assert (await row(pool))["status"] in ("running", "done")


async def test_an_attempt_that_a_retry_policy_repeats_leaves_no_trace(pool: Pool) -> None:
    attempts = []

    def fails_once(state: GraphState) -> dict[str, Any]:
        attempts.append(1)
        if len(attempts) == 1:
            raise ToolError("briefly", "transient")
        return {"events": [event("decision", action="second")]}

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(GraphState)
    graph.add_node("fails_once", fails_once, retry_policy=RetryPolicy(initial_interval=0.0, retry_on=ToolError))
    graph.add_edge(START, "fails_once")
    await new_thread(pool)
    await run(await saver_of(pool), graph)
    assert (await kinds(pool))[2:] == ["decision"]


async def test_a_failure_that_may_pass_queues_the_thread_again_and_later_each_time(pool: Pool) -> None:
    def overloaded(state: GraphState) -> dict[str, Any]:
        raise ToolError("too many requests", "transient", retry_after=30.0)

    await new_thread(pool)
    graph, given = line(one, overloaded, ends), START_INPUT
    for times in range(len(POSTPONEMENTS)):
        with pytest.raises(ToolError):
            await run(await saver_of(pool), graph, given)
        thread = await row(pool)
        assert (thread["status"], thread["postponed"]) == ("queued", times + 1)
        told = (await bodies(pool, "postponed"))[-1]
        assert told["class"] == "transient" and told["message"] == "too many requests"
        assert thread["wake_at"].isoformat()[:19] == told["again_at"][:19]
        wait = (thread["wake_at"] - thread["updated_at"]).total_seconds()
        assert abs(wait - max(30.0, POSTPONEMENTS[times])) < 5
        given = None
    with pytest.raises(ToolError):
        await run(await saver_of(pool), graph, given)
    assert (await row(pool))["status"] == "failed"
    assert (await bodies(pool, "failure"))[-1]["fatal"] is True


async def test_a_step_that_succeeds_forgets_how_often_the_one_before_was_postponed(pool: Pool) -> None:
    await new_thread(pool)
    async with pool.connection() as connection:
        await connection.execute("update thread set postponed = 3")
    await run(await saver_of(pool), line(one, ends))
    assert (await row(pool))["postponed"] == 0


async def test_a_lost_lease_that_a_node_meets_leaves_no_trace(pool: Pool) -> None:
    def meets(state: GraphState) -> dict[str, Any]:
        raise LeaseLost("t1")

    await new_thread(pool)
    with pytest.raises(LeaseLost):
        await run(await saver_of(pool), line(one, meets, ends))
    assert (await kinds(pool))[2:] == ["decision"]
    assert (await row(pool))["status"] == "running"


async def test_an_interrupt_in_a_subgraph_is_one_review_and_is_resumed(pool: Pool) -> None:
    inner = line(one, asks).compile()
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(GraphState)
    graph.add_node("inner", inner)
    graph.add_node("ends", ends)
    graph.add_edge(START, "inner")
    graph.add_edge("inner", "ends")
    await new_thread(pool)
    await run(await saver_of(pool), graph)
    assert (await kinds(pool))[2:] == ["decision", "review_requested"]
    [review] = await ReviewStore(pool).waiting("t1")
    saver = await saver_of(pool)
    pending: list[Interrupt] = list((await graph.compile(checkpointer=saver).aget_state(CONFIG)).interrupts)
    assert [asked.id for asked in pending] == [review["interrupt_id"]]
    await run(saver, graph, Command(resume={review["interrupt_id"]: {"review": review["number"]}}))
    assert (await kinds(pool))[4:] == ["lease_taken", "review_applied", "thread_finished"]
    assert (await row(pool))["status"] == "done"


async def test_an_error_in_a_subgraph_is_one_failure_and_none_if_its_caller_handles_it(pool: Pool) -> None:
    def fails(state: GraphState) -> dict[str, Any]:
        raise ToolError("no", "tool_refused")

    inner = line(fails).compile()
    caught = True

    async def calls(state: GraphState) -> dict[str, Any]:
        try:
            await inner.ainvoke(state)
        except ToolError:
            if not caught:
                raise
        return {"events": [event("decision", action="went on")]}

    await new_thread(pool)
    await run(await saver_of(pool), line(calls))
    assert (await kinds(pool))[2:] == ["decision"]
    caught = False
    await new_thread(pool, "t2")
    saver = TransitionSaver(pool, "t2", (await leased(pool, "t2")).epoch)
    with pytest.raises(ToolError):
        await line(calls).compile(checkpointer=saver).ainvoke({"task": {}}, running.run_config("t2"), durability="sync")
    told = [stored.kind for stored in await ThreadStore(pool).timeline("t2")]
    assert told[2:] == ["failure"]


@pytest.mark.parametrize("durability", ["async", "exit", None])
async def test_any_durability_but_sync_is_refused_before_anything_runs(pool: Pool, durability: Any) -> None:
    await new_thread(pool)
    saver, ran = await saver_of(pool), []

    def runs(state: GraphState) -> dict[str, Any]:
        ran.append(1)
        return {}

    with pytest.raises(AutonomyError, match='run with durability="sync", not'):
        await line(runs).compile(checkpointer=saver).ainvoke({"task": {}}, CONFIG, durability=durability)
    assert ran == [] and await count(pool, "checkpoints") == 0


async def test_state_can_be_read_and_updated_outside_a_run(pool: Pool) -> None:
    await new_thread(pool)
    saver = await saver_of(pool)
    graph = line(one, ends).compile(checkpointer=saver)
    await graph.ainvoke({"task": {}}, CONFIG, durability="sync")
    await graph.aupdate_state(CONFIG, {"counters": {"steps": 7}}, as_node="one")
    assert (await graph.aget_state(CONFIG)).values["counters"] == {"steps": 7}


async def test_a_saver_refuses_the_config_of_another_thread(pool: Pool) -> None:
    await new_thread(pool)
    saver = await saver_of(pool)
    with pytest.raises(AutonomyError, match="The saver of thread t1 was given one of t2"):
        await line(one).compile(checkpointer=saver).ainvoke({"task": {}}, running.run_config("t2"), durability="sync")


async def test_a_long_text_is_stored_once_a_change_and_not_once_a_step(pool: Pool) -> None:
    class Loose(GraphState):
        text: str

    def steps(state: Any) -> dict[str, Any]:
        return {"counters": {"steps": state.get("counters", {}).get("steps", 0) + 1}}

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(Loose)
    graph.add_node("steps", steps)
    graph.add_edge(START, "steps")
    graph.add_conditional_edges("steps", lambda state: "steps" if state["counters"]["steps"] < 5 else END)
    await new_thread(pool)
    saver = await saver_of(pool)
    compiled = graph.compile(checkpointer=saver)
    await compiled.ainvoke({"task": {}, "text": "x\x00" * 5000}, CONFIG, durability="sync")
    assert (await compiled.aget_state(CONFIG)).values["text"] == "x\x00" * 5000
    async with pool.connection() as connection:
        cursor = await connection.execute("select version from checkpoint_blobs where channel = 'text'")
        assert len(await cursor.fetchall()) == 1
