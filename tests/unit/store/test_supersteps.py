from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from langgraph.types import Interrupt

from core.errors import ToolError
from core.events import event
from core.lifecycle import IllegalTransition
from core.retries import POSTPONEMENTS
from core.vocabulary import ThreadStatus
from store.supersteps import Position, TaskWrites, Told, tell

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PASSES = ToolError("slow down", "transient")
STAYS = ToolError("no", "tool_refused")


def told(*writes: tuple[str, Any], status: ThreadStatus = "running", postponed: int = 0, namespace: str = "") -> Told:
    position = Position("acme", status, 1, 1, "0" * 64, postponed)
    tasks = [TaskWrites(namespace, "c1", f"t{n}", f"p{n}", (write,)) for n, write in enumerate(writes)]
    return tell(tasks, position, {}, NOW, None)


def heads(found: Told) -> list[tuple[str, Any]]:
    return [(item.kind, item.body.get("fatal")) for _, item in found.events]


def test_a_failure_that_stays_ends_the_thread_and_a_second_one_is_told() -> None:
    found = told(("__error__", STAYS), ("__error__", STAYS))
    assert (found.status, found.again_at) == ("failed", None)
    assert heads(found) == [("failure", True), ("failure", False)]


def test_a_failure_that_passes_waits_as_long_as_the_table_and_the_far_side_say() -> None:
    found = told(("__error__", PASSES), postponed=1)
    assert (found.status, found.again_at) == ("queued", NOW + timedelta(seconds=POSTPONEMENTS[1]))
    asked = ToolError("slow down", "transient", retry_after=90.0)
    assert told(("__error__", asked)).again_at == NOW + timedelta(seconds=90)


def test_after_the_last_postponement_a_failure_that_passes_ends_the_thread() -> None:
    found = told(("__error__", PASSES), postponed=len(POSTPONEMENTS))
    assert (found.status, heads(found)) == ("failed", [("failure", True)])


@pytest.mark.parametrize("status", ["waiting", "queued", "failed", "stopped"])
def test_what_paused_or_ended_the_thread_first_decides(status: ThreadStatus) -> None:
    for error in (PASSES, STAYS):
        found = told(("__error__", error), status=status)
        assert (found.status, heads(found)) == (status, [("failure", False)])


def test_a_connection_that_breaks_inside_a_node_is_storage_and_may_pass() -> None:
    found = told(("__error__", psycopg.OperationalError("server closed the connection")))
    assert found.events[0][1].body["class"] == "storage" and found.status == "queued"


def test_a_cancelled_task_and_one_inside_a_subgraph_tell_no_failure() -> None:
    assert told(("__error__", asyncio.CancelledError())).events == []
    inner = told(("__error__", STAYS), namespace="inner:1")
    assert (inner.events, inner.status) == ([], "running")


def test_a_handled_failure_that_may_pass_does_not_postpone_the_thread() -> None:
    task = TaskWrites("", "c1", "t", "p", (("__error__", PASSES), ("__error_source_node__", "node")))
    found = tell([task], Position("acme", "running", 1, 1, "", 0), {}, NOW, None)
    assert (found.status, heads(found)) == ("running", [("failure", False)])


def test_an_interrupt_that_arrives_in_two_namespaces_at_once_is_told_once() -> None:
    asked = Interrupt({"kind": "action", "action_hash": "h"}, id="i1")
    tasks = [TaskWrites(place, "c1", "t", "p", (("__interrupt__", (asked,)),)) for place in ("inner:1", "")]
    found = tell(tasks, Position("acme", "running", 1, 1, "", 0), {"i1": 7}, NOW, None)
    assert [item.body["review"] for _, item in found.events] == [7] and found.status == "waiting"


def test_a_thread_cannot_finish_after_it_was_stopped() -> None:
    with pytest.raises(IllegalTransition):
        told(("events", [event("thread_finished", status="done", reason="")]), status="stopped")


def test_attempts_that_nobody_else_tells_of_are_told_before_the_failure_they_led_to() -> None:
    error = ToolError("slow down", "transient")
    error.attempts = ({"action": "look", "said": "refused", "attempt": 1, "message": "429"},)
    found = told(("__error__", error))
    assert [(item.kind, item.body["message"]) for _, item in found.events] == [
        ("tool_attempt", "429"),
        ("postponed", "slow down"),
    ]
