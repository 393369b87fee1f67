from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from core.errors import BadInput
from core.tools import ToolSpec
from policy.budgets import (
    LIMITS,
    Limit,
    Need,
    OverLimit,
    Spend,
    Spender,
    changed,
    exhausted,
    needs,
    of_call,
    of_model_call,
    refusal,
    reserved,
    settled,
    too_much,
)  # fmt: skip
from policy.limits import MAX_ATTEMPTS, MAX_STEPS

NOON = datetime(2026, 11, 21, 12, 30, 40, tzinfo=UTC)
SPENDER = Spender("acme/refunds", "t1", "abc")
PAY = ToolSpec("pay", "p", BaseModel, BaseModel, "irreversible", "unsafe", 1000, 1.0)


def wanted(tier: str = "irreversible") -> list[Need]:
    return needs(of_call(PAY, tier), SPENDER, NOON)  # type: ignore[arg-type]


def test_a_call_reserves_its_own_rows_in_the_order_they_are_locked() -> None:
    rows = [(need.scope, need.limit.unit, need.window, need.amount) for need in wanted()]
    assert rows == [
        ("agent acme/refunds", "action_cost", "2026-11-21", 1000),
        ("agent acme/refunds", "calls", "2026-11-21T12:30", 1),
        ("thread t1", "irreversible", "ever", 1),
    ]
    assert "irreversible" not in {need.limit.unit for need in wanted("reversible")}


def test_a_window_is_named_in_utc_wherever_the_clock_is() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-14)))
    assert needs(of_call(PAY, "reversible"), SPENDER, elsewhere) == wanted("reversible")


def test_a_model_call_reserves_the_most_it_may_take() -> None:
    rows = {need.limit.unit: need.amount for need in needs(of_model_call(4000, 12_000), SPENDER, NOON)}
    assert rows == {"tokens": 4000, "money": 12_000}


def test_an_exhausted_limit_says_what_is_left_and_when_there_is_more() -> None:
    [cost, *_] = wanted()
    spent = cost.row._replace(used=9_500)
    [found] = exhausted([spent], wanted(), NOON)
    assert found.limit.name == "action_cost" and found.left == 500
    assert str(found) == "1000 wanted, 500 of 10000 budget units of this agent today left; more from 00:00 UTC"
    with pytest.raises(OverLimit):
        reserved([spent], wanted())


def test_a_person_may_go_over_and_the_limit_grows_by_what_was_missing() -> None:
    [cost, *_] = wanted()
    [row, *_] = reserved([cost.row._replace(used=9_500)], wanted(), granted=True)
    assert (row.limit, row.reserved, row.left) == (10_500, 1000, 0)


def test_what_a_person_allowed_counts_in_what_is_said_of_a_limit() -> None:
    [cost] = [need for need in wanted() if need.limit.name == "action_cost"]
    [over] = exhausted([cost.row._replace(limit=cost.limit.most + 500, used=cost.limit.most + 450)], [cost], NOON)
    assert str(over).startswith(f"{cost.amount} wanted, 50 of {cost.limit.most + 500} budget units")


def test_a_rate_that_no_minute_has_room_in_is_not_waited_for() -> None:
    [calls] = [
        need
        for need in needs({"calls": 1}, SPENDER, NOON, changed(LIMITS, {"calls_per_minute": 0}))
        if need.limit.unit == "calls"
    ]
    assert refusal(exhausted([], [calls], NOON), NOON).failure_class == "limit_reached"


def test_what_never_ran_is_free_again() -> None:
    [row] = reserved([], [wanted()[0]])
    assert settled(row, 1000, 0) == wanted()[0].row
    assert settled(row, 1000, 400) == row._replace(reserved=0, used=400)


@given(st.lists(st.tuples(st.integers(1, 40), st.sampled_from(["use", "release", "part"])), max_size=40))
def test_no_budget_falls_below_zero_in_any_order_of_reservations(calls: list[tuple[int, str]]) -> None:
    limit = Limit("l", "action_cost", "thread", "ever", 100, "units")
    row = Spend("thread t", "action_cost", "ever", 100)
    open_calls: list[tuple[int, str]] = []
    for amount, ending in calls:
        need = Need(limit, "thread t", "ever", amount)
        if exhausted([row], [need], NOON):
            with pytest.raises(OverLimit):
                reserved([row], [need])
            if open_calls:
                earlier, how = open_calls.pop(0)
                row = settled(row, earlier, {"use": earlier, "release": 0, "part": earlier // 2}[how])
        else:
            [row] = reserved([row], [need])
            open_calls.append((amount, ending))
        assert row.left >= 0 and row.reserved >= 0 and row.used + row.reserved <= row.limit


def test_every_limit_is_its_own_row_and_the_run_limits_are_those_of_the_planner() -> None:
    most = {limit.name: limit.most for limit in LIMITS}
    assert (most["steps"], most["attempts"]) == (MAX_STEPS, MAX_ATTEMPTS) == (120, 5)
    assert len({(limit.unit, limit.per, limit.window) for limit in LIMITS}) == len(LIMITS)


def test_a_rate_is_waited_for_and_a_budget_is_for_a_person() -> None:
    cost, calls, _ = wanted()
    over = {
        need.limit.name: exhausted([need.row._replace(used=need.limit.most)], [need], NOON) for need in (cost, calls)
    }
    rate, both = (
        refusal(over["calls_per_minute"], NOON),
        refusal([*over["calls_per_minute"], *over["action_cost"]], NOON),
    )
    assert (rate.failure_class, rate.retry_after, rate.never_sent) == ("rate_reached", 20.0, True)
    assert (both.failure_class, both.never_sent) == ("limit_reached", True)
    assert "budget units of this agent today" in str(both)


def test_one_model_call_has_a_limit_of_its_own_and_no_row() -> None:
    assert too_much(of_model_call(400_000, 1)) == []
    [above] = too_much(of_model_call(400_001, 1))
    assert above.limit.name == "tokens_per_call"
    assert "one call" not in {need.scope for need in needs(of_model_call(1, 1), SPENDER, NOON)}


def test_limits_are_changed_by_name() -> None:
    assert {limit.most for limit in changed(LIMITS, {"steps": 7}) if limit.name == "steps"} == {7}
    assert changed(LIMITS, {})[0] == replace(LIMITS[0])
    for wrong in ({"stepz": 1}, {"steps": -1}, {"steps": "7"}, {"steps": True}, {"steps": 1.5}):
        with pytest.raises(BadInput, match="there are action_cost"):
            changed(LIMITS, wrong)
