"""What a failed call does to the state, and when the thread itself is tried again instead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from core.actions import Proposal
from core.errors import ToolError
from core.operations import in_question
from core.ports import Executor
from core.retries import POSTPONEMENTS
from core.state import ThreadState
from nodes.bindings import Bindings
from nodes.tool_execution import tool_execution
from tests.unit.graph.bindings import bindings

PROPOSAL = Proposal(id="p1", action="fetch_pages", arguments={"at_most": 5, "serp_sha256": "s"})
STATE: ThreadState = {
    "task": {"tenant": "acme"},
    "proposal": PROPOSAL.to_json(),
    "policy": {"approved_by": None},
    "counters": {"attempts": 1, "steps": 7},
}


class Fails:
    """An executor that raises."""

    def __init__(self, error: ToolError) -> None:
        self.error = error

    async def perform(self, *_: Any) -> Any:
        raise self.error


async def executed(error: ToolError, postponed: int = 0) -> dict[str, Any]:
    bound: Bindings = replace(bindings(), executor=cast("Executor", Fails(error)), postponed=postponed)
    runtime = type("Runtime", (), {"execution_info": None})()
    return await tool_execution(bound)(STATE, runtime)


@pytest.mark.parametrize("failure_class", ["transient", "busy", "storage"])
async def test_what_may_pass_is_left_to_the_thread_while_it_has_waits_left(failure_class: str) -> None:
    error = ToolError("not now", failure_class, 30.0)
    for postponed in range(len(POSTPONEMENTS)):
        with pytest.raises(ToolError) as raised:
            await executed(error, postponed)
        assert raised.value is error


async def test_after_the_last_wait_the_planner_is_told() -> None:
    update = await executed(ToolError("not now", "transient"), len(POSTPONEMENTS))
    assert update["proposal"] is None and update["feedback"][0]["message"] == "not now"
    assert update["counters"] == {"attempts": 2, "steps": 7}


async def test_after_the_last_wait_for_another_thread_a_person_is_asked() -> None:
    assert (await executed(ToolError("busy", "busy"), len(POSTPONEMENTS)))["review"]["kind"] == "blocker"


async def test_after_the_last_wait_for_a_rate_a_person_decides() -> None:
    error = ToolError("Too many calls.", "rate_reached", 30.0, never_sent=True)
    for postponed in range(len(POSTPONEMENTS)):
        with pytest.raises(ToolError):
            await executed(error, postponed)
    assert (await executed(error, len(POSTPONEMENTS)))["review"]["failure_class"] == "rate_reached"


async def test_what_let_a_call_through_and_has_changed_sends_it_back_to_policy_as_it_is() -> None:
    error = ToolError("Lockdown is on.", "policy_violation", never_sent=True)
    error.judge_again = True
    update = await executed(error)
    assert update["policy"] is None and "proposal" not in update and "review" not in update
    assert update["events"][-1]["body"]["judge_again"] is True


async def test_after_the_last_wait_for_the_disk_the_run_stops() -> None:
    with pytest.raises(ToolError, match="disk full"):
        await executed(ToolError("disk full", "storage"), len(POSTPONEMENTS))


async def test_an_unknown_effect_is_a_question_that_is_bound_to_its_attempt() -> None:
    error = ToolError("no answer", "unknown_effect")
    error.operation = in_question("k1", 1, 2, 3, "2026-01-02T03:04:05+00:00")
    update = await executed(error)
    asked = update["review"]
    assert asked["kind"] == "unknown_effect" and "proposal" not in update
    assert asked["unknown_effect"] == {**error.operation, "arguments": PROPOSAL.arguments}
    assert asked["why"] == ["no answer", "Attempt 3, first sent 2026-01-02 03:04:05 UTC."]


async def test_attempts_without_a_row_are_events_before_the_failure() -> None:
    error = ToolError("no", "tool_refused")
    error.attempts = ({"action": "fetch_pages", "said": "refused", "attempt": 1, "fence": 0},)
    update = await executed(error)
    assert [event["kind"] for event in update["events"]] == ["tool_attempt", "failure"]
