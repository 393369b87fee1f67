from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.operations import (
    ANOTHER_ATTEMPT,
    FENCED,
    OPERATION_MOVES,
    Held,
    IllegalOperationMove,
    OperationMove,
    OperationRequest,
    Step,
    in_force,
    moved,
    next_step,
    provider_key,
    state_after,
)
from core.vocabulary import Idempotency, OperationState, members

ASKED = OperationRequest("k", "acme", "t1", "pay", "p1", "h1", "r1", gated=False, idempotency="unsafe", timeout=60.0)
HELD = Held(
    1, "started", "r1", "p1", "t1", fence=1, attempt=1, under_way=True, live=False, deadline_left=0.0, sent_ago=9.0
)


def test_every_state_has_its_row_and_every_move_is_somewhere() -> None:
    assert set(OPERATION_MOVES) == {None, *members(OperationState)}
    assert {move for moves in OPERATION_MOVES.values() for move in moves} == set(members(OperationMove))
    assert set(members(OperationMove)) > FENCED | ANOTHER_ATTEMPT


def test_what_is_not_in_the_table_is_illegal() -> None:
    for state in OPERATION_MOVES:
        for move in members(OperationMove):
            if move in OPERATION_MOVES[state]:
                assert moved(state, move) in members(OperationState)
            else:
                with pytest.raises(IllegalOperationMove, match=f"{state or 'not there'} cannot {move}"):
                    moved(state, move)


def test_nothing_leads_back_from_success() -> None:
    assert OPERATION_MOVES["succeeded"] == {}


def test_whoever_moves_on_to_another_attempt_counts_it() -> None:
    into_started = {
        move for state, moves in OPERATION_MOVES.items() for move, to in moves.items() if to == "started" and state
    }
    assert into_started == ANOTHER_ATTEMPT


@pytest.mark.parametrize(
    ("found", "step"),
    [
        ({"state": "succeeded"}, "answer"),
        ({"state": "succeeded", "request_hash": "other"}, "refuse"),
        ({"state": "unknown", "request_hash": "other"}, "refuse"),
        ({"request_hash": "other"}, "refuse"),
        ({"live": True}, "busy"),
        ({"live": True, "thread_id": "t2"}, "busy"),
        ({}, "take_over"),
        ({"under_way": False}, "begin"),
        ({"under_way": False, "request_hash": ""}, "begin"),
        ({"under_way": False, "request_hash": "other"}, "next_revision"),
        ({"state": "failed", "failure": {"class": "tool_refused"}}, "fail_again"),
        ({"state": "failed", "failure": {"class": "tool_refused"}, "proposal_id": "p0"}, "reopen"),
        ({"state": "failed", "failure": {"class": "transient"}}, "reopen"),
        ({"state": "failed", "failure": {"class": "storage"}}, "reopen"),
        ({"state": "failed", "failure": {"class": "tool_refused"}, "request_hash": "other"}, "next_revision"),
        (
            {"state": "failed", "failure": {"class": "tool_refused", "given_up": True}, "proposal_id": "p0"},
            "fail_again",
        ),
        ({"state": "failed", "failure": {"given_up": True}, "request_hash": "other"}, "fail_again"),
        ({"state": "unknown"}, "person"),
        ({"state": "unknown", "asked_elsewhere": True}, "person"),
        ({"state": "unknown", "asked_elsewhere": True, "thread_id": "t2"}, "busy"),
    ],
)
def test_a_claim_does_what_the_table_says(found: dict[str, Any], step: Step) -> None:
    assert next_step(ASKED, replace(HELD, **found)) == step


@pytest.mark.parametrize(
    ("idempotency", "lifetime", "found", "step"),
    [
        ("idempotent", None, {}, "repeat"),
        ("idempotent", 10.0, {"sent_ago": 9.9}, "repeat"),
        ("idempotent", 10.0, {"sent_ago": 10.0}, "person"),
        ("queryable", None, {"deadline_left": 0.1}, "wait"),
        ("queryable", None, {"deadline_left": 0.0}, "look_up"),
        ("unsafe", None, {}, "person"),
        ("local", None, {}, "person"),
    ],
)
def test_the_way_out_of_the_unknown_depends_on_what_is_safe(
    idempotency: Idempotency, lifetime: float | None, found: dict[str, Any], step: Step
) -> None:
    asked = replace(ASKED, idempotency=idempotency, key_lifetime=lifetime)
    assert next_step(asked, replace(HELD, state="unknown", **found)) == step


@pytest.mark.parametrize("state", members(OperationState))
@pytest.mark.parametrize("idempotency", members(Idempotency))
@pytest.mark.parametrize("under_way", [True, False])
def test_another_request_never_runs_under_a_key_that_may_have_taken_effect(
    state: OperationState, idempotency: Idempotency, under_way: bool
) -> None:
    step = next_step(
        replace(ASKED, request_hash="other", idempotency=idempotency),
        replace(HELD, state=state, under_way=under_way and state == "started"),
    )
    nothing_took_effect = state == "failed" or (state == "started" and not under_way)
    assert step == ("next_revision" if nothing_took_effect else "refuse")


def test_the_highest_revision_is_in_force_unless_this_proposal_has_succeeded_before() -> None:
    first, second = replace(HELD, state="succeeded"), replace(HELD, revision=2, proposal_id="p2", under_way=False)
    assert in_force((first, second), replace(ASKED, proposal_id="p3")) == second
    assert in_force((first, second), ASKED) == first
    failed = replace(first, state="failed")
    assert in_force((failed, second), ASKED) == second


@pytest.mark.parametrize(
    ("failure_class", "never_sent", "attempts_left", "state"),
    [
        ("transient", True, 1, "started"),
        ("transient", True, 0, "failed"),
        ("storage", True, 0, "failed"),
        ("tool_refused", False, 1, "failed"),
        ("tool_refused", True, 1, "failed"),
        ("policy_violation", False, 0, "failed"),
        ("transient", False, 1, "unknown"),
        ("storage", False, 1, "unknown"),
        ("tool_drift", False, 1, "unknown"),
        ("unknown_effect", False, 1, "unknown"),
        ("bug", False, 1, "unknown"),
        ("a word nobody knows", False, 1, "unknown"),
    ],
)
def test_what_is_not_definite_is_unknown(
    failure_class: str, never_sent: bool, attempts_left: int, state: OperationState
) -> None:
    assert state_after(failure_class, never_sent, attempts_left) == state


def test_the_far_side_sees_one_key_for_a_revision_and_another_for_the_next() -> None:
    assert (provider_key("k", 1), provider_key("k", 2)) == ("k", "k-2")
