"""What calls take of the limits, over a real database: reserved in the claim, settled by whoever resolves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import LeaseLost, ModelError, ToolError
from core.model_calls import ModelCall, Most
from core.operations import OPERATION_MOVES, Claim, OperationRequest
from core.ports import CallSite
from core.vocabulary import OperationState
from policy.budgets import LIMITS, Limit, Spender, changed, needs
from store.database import Pool
from store.ledger import PostgresLedger
from store.model_calls import ModelCallStore
from store.operations import OperationStore, Place, move
from store.reviews import Decision, ReviewStore
from store.spending import PostgresBudgets, now, reserve, used_after
from tests.integration.test_ledger import DONE, LATER, LOST, NO, REQUEST
from tests.integration.threads import asked, leased, new_thread

SITE = CallSite("acme", "t1", "task")
WIRE = replace(REQUEST, amounts={"irreversible": 1, "action_cost": 100, "calls": 1})
APPROVED = replace(WIRE, gated=True)


async def ledger(pool: Pool, limits: Sequence[Limit] = LIMITS) -> PostgresLedger:
    return PostgresLedger(pool, (await leased(pool)).epoch, limits)


async def spent(pool: Pool) -> dict[str, tuple[int, int]]:
    """Unit -> (reserved, used), where anything is."""
    async with pool.connection() as connection:
        rows = await (
            await connection.execute(
                "select unit, sum(reserved)::int as reserved, sum(used)::int as used,"
                " (select coalesce(sum(amount), 0) from spend_hold where spend_hold.unit = spend.unit)::int as held"
                " from spend group by unit"
            )
        ).fetchall()
    assert all(row["held"] == row["reserved"] for row in rows)
    return {row["unit"]: (row["reserved"], row["used"]) for row in rows}


async def approve(pool: Pool) -> None:
    reviews = ReviewStore(pool)
    review = await reviews.get(await asked(pool))
    await reviews.decide(review, Decision("approve", "dana", False, {"type": "approve"}, "hash1", False))


HELD = {"irreversible": (1, 0), "action_cost": (100, 0), "calls": (0, 1)}
USED = {"irreversible": (0, 1), "action_cost": (0, 100), "calls": (0, 1)}


@pytest.mark.parametrize(
    ("state", "outcome", "after"),
    [
        ("succeeded", DONE, USED),
        ("failed", NO, {**USED, "irreversible": (0, 0)}),
        ("started", LATER, {"irreversible": (0, 0), "action_cost": (0, 0), "calls": (0, 1)}),
        ("failed", {**LATER}, {"irreversible": (0, 0), "action_cost": (0, 0), "calls": (0, 1)}),
        ("unknown", LOST, HELD),
    ],
    ids=["succeeded", "refused", "sent again later", "never sent", "unknown"],
)
async def test_the_end_of_an_attempt_settles_what_its_claim_has_reserved(
    pool: Pool, state: OperationState, outcome: dict[str, Any], after: dict[str, tuple[int, int]]
) -> None:
    await new_thread(pool)
    book = await ledger(pool)
    claim = await book.claim(WIRE)
    assert await spent(pool) == HELD
    await book.settle(WIRE, claim, state, outcome)
    assert await spent(pool) == after


async def test_what_is_answered_refused_or_busy_takes_nothing(pool: Pool) -> None:
    await new_thread(pool)
    book = await ledger(pool)
    claim = await book.claim(WIRE)
    for request in (WIRE, replace(WIRE, request_hash="other")):
        with pytest.raises(ToolError):
            await book.claim(request)
    await book.settle(WIRE, claim, "succeeded", DONE)
    assert (await book.claim(WIRE)).recorded is not None
    assert await spent(pool) == USED


async def test_a_second_attempt_of_one_operation_does_not_pay_twice(pool: Pool) -> None:
    await new_thread(pool)
    await (await ledger(pool)).claim(WIRE)  # and its process dies
    successor = await ledger(pool)
    claim = await successor.claim(WIRE)
    assert claim.attempt == 2
    assert await spent(pool) == {**HELD, "calls": (0, 2)}
    await successor.settle(WIRE, claim, "succeeded", DONE)
    assert await spent(pool) == {**USED, "calls": (0, 2)}


@pytest.mark.parametrize(
    ("answer", "after"), [("happened", USED), ("abandon", USED), ("did_not_happen", {**USED, "irreversible": (0, 0)})]
)
async def test_a_persons_word_settles_it(pool: Pool, answer: Any, after: dict[str, tuple[int, int]]) -> None:
    await new_thread(pool)
    book = await ledger(pool)
    await book.settle(WIRE, await book.claim(WIRE), "unknown", LOST)
    async with pool.connection() as connection, connection.transaction():
        assert await move(connection, Place("k1", 1, 1, 1, "unknown"), answer) is not None
    expected = after if answer != "did_not_happen" else {"irreversible": (0, 0), "action_cost": (0, 0), "calls": (0, 1)}
    assert await spent(pool) == expected


def test_it_is_held_exactly_while_it_is_under_way_or_unknown() -> None:
    for state, moves in OPERATION_MOVES.items():
        for by, after in moves.items():
            ends = after in ("succeeded", "failed") or by in ("try_again", "did_not_happen")
            assert (used_after(by) is not None) == ends, (state, by)


async def test_a_local_effect_pays_with_its_record_and_not_at_all_when_it_is_rolled_back(pool: Pool) -> None:
    await new_thread(pool)
    local = replace(WIRE, idempotency="local")
    book = await ledger(pool)
    with pytest.raises(ZeroDivisionError):
        async with book.local(local) as operation:
            await operation.succeed(DONE)
            raise ZeroDivisionError
    assert await spent(pool) == {}
    async with book.local(local) as operation:
        assert await spent(pool) == {}
        await operation.succeed(DONE)
    assert await spent(pool) == USED


async def test_a_call_that_does_not_fit_is_not_claimed_and_a_person_decides(pool: Pool) -> None:
    await new_thread(pool)
    book = await ledger(pool, changed(LIMITS, {"action_cost": 99}))
    with pytest.raises(ToolError, match="100 wanted, 0 of 99|100 wanted, 99 of 99") as full:
        await book.claim(WIRE)
    assert (full.value.failure_class, full.value.never_sent) == ("limit_reached", True)
    assert await OperationStore(pool).newest(None, 9) == [] and await spent(pool) == {}
    budgets = PostgresBudgets(pool, "acme/test", changed(LIMITS, {"action_cost": 99}))
    assert set(await budgets.exhausted(SITE, WIRE.amounts)) == {"action_cost"}


async def test_an_approval_of_exactly_this_call_raises_the_limit_by_what_is_missing(pool: Pool) -> None:
    await new_thread(pool)
    await approve(pool)
    book = await ledger(pool, changed(LIMITS, {"action_cost": 99}))
    await book.claim(APPROVED)
    async with pool.connection() as connection:
        rows = await (await connection.execute("select granted from spend where unit = 'action_cost'")).fetchall()
        detail = await (await connection.execute("select detail from operation_history")).fetchall()
    assert [row["granted"] for row in rows] == [1]
    assert "over a limit, as approved: 100 wanted" in detail[0]["detail"]["message"]
    with pytest.raises(ToolError) as full:
        await book.claim(replace(WIRE, key="k2", proposal_hash="hash2"))
    assert full.value.failure_class == "limit_reached"


async def test_a_rate_is_waited_for_also_by_what_was_approved(pool: Pool) -> None:
    await new_thread(pool)
    await approve(pool)
    limits = changed(LIMITS, {"calls_per_minute": 1})
    at = datetime(2026, 1, 2, 3, 4, 30, tzinfo=UTC)
    budgets = PostgresBudgets(pool, "acme/test", limits, lambda: at)
    await budgets.spend(replace(REQUEST, amounts={"calls": 1}))
    with pytest.raises(ToolError, match="Too many calls") as rate:
        await budgets.spend(replace(APPROVED, amounts={"calls": 1}))
    assert rate.value.failure_class == "rate_reached" and rate.value.retry_after == 30.0
    assert await budgets.exhausted(SITE, WIRE.amounts) == {}
    at += timedelta(seconds=30)
    await budgets.spend(replace(APPROVED, amounts={"calls": 1}))


async def test_a_rate_that_no_minute_has_room_in_is_for_a_person(pool: Pool) -> None:
    await new_thread(pool)
    await approve(pool)
    limits = changed(LIMITS, {"calls_per_minute": 0})
    assert set(await PostgresBudgets(pool, "acme/test", limits).exhausted(SITE, WIRE.amounts)) == {"calls_per_minute"}
    book = await ledger(pool, limits)
    with pytest.raises(ToolError) as full:
        await book.claim(WIRE)
    assert full.value.failure_class == "limit_reached"
    await book.claim(APPROVED)


async def test_reading_pays_at_once_and_over_the_limit_only_with_an_approval(pool: Pool) -> None:
    await new_thread(pool)
    read = replace(REQUEST, amounts={"action_cost": 1, "calls": 1})
    budgets = PostgresBudgets(pool, "acme/test", changed(LIMITS, {"action_cost": 1}))
    await budgets.spend(read)
    assert await spent(pool) == {"action_cost": (0, 1), "calls": (0, 1)}
    for request in (read, replace(read, gated=True)):
        with pytest.raises(ToolError, match="A limit is used up"):
            await budgets.spend(request)
    await approve(pool)
    await budgets.spend(replace(read, gated=True))
    assert await spent(pool) == {"action_cost": (0, 2), "calls": (0, 2)}


async def test_eight_workers_race_and_no_limit_is_passed(pool: Pool) -> None:
    """Claims, endings, takeovers and reading at once, by threads of one agent that share two rows."""
    await asyncio.gather(*(new_thread(pool, f"t{number}") for number in range(8)))
    limits = changed(LIMITS, {"action_cost": 500, "irreversible_actions": 2})

    async def worker(number: int) -> list[str]:
        drawn, done = random.Random(number), list[str]()
        for turn in range(12):
            book = PostgresLedger(pool, (await leased(pool, f"t{number}")).epoch, limits)
            # Every third key is shared, so that one thread settles what another has reserved.
            key = f"shared {turn}" if turn % 3 == 0 else f"{number} {turn}"
            request = replace(WIRE, key=key, thread_id=f"t{number}", proposal_id=f"p{number} {turn}")
            try:
                claim = await book.claim(request)
                if claim.recorded is None:
                    ending = drawn.choice([("succeeded", DONE), ("failed", NO), ("started", LATER), ("unknown", LOST)])
                    await book.settle(request, claim, *ending)
                    done.append(ending[0])
            except (ToolError, LeaseLost) as error:
                done.append(getattr(error, "failure_class", "lost"))
        return done

    async def watch() -> None:
        for _ in range(20):
            async with pool.connection() as connection:
                rows = await (
                    await connection.execute('select * from spend where reserved + used > "limit" + granted')
                ).fetchall()
            assert rows == []

    outcomes = await asyncio.gather(*(worker(number) for number in range(8)), watch())
    assert "limit_reached" in {word for each in outcomes[:-1] for word in each or ()}
    async with pool.connection() as connection:
        rows = await (await connection.execute("select * from spend")).fetchall()
        unknown = await (
            await connection.execute("select count(*) as n from operation where state = 'unknown'")
        ).fetchone()
    assert all(row["reserved"] >= 0 and row["reserved"] + row["used"] <= row["limit"] for row in rows)
    assert sum(row["reserved"] for row in rows if row["unit"] == "irreversible") == (unknown or {})["n"]
    assert (await spent(pool))["action_cost"][0] == 100 * (unknown or {})["n"]


async def test_reservations_at_once_never_pass_the_limit(pool: Pool) -> None:
    limits = changed(LIMITS, {"action_cost": 10})

    async def one(number: int) -> bool:
        wanted = needs({"action_cost": 1, "irreversible": 1}, Spender("acme/test", f"t{number}"), now(), limits)
        try:
            async with pool.connection() as connection, connection.transaction():
                await reserve(connection, wanted, now(), holder=f"h{number}", granted=False)
        except ToolError:
            return False
        return True

    assert sum(await asyncio.gather(*(one(number) for number in range(32)))) == 10


CALL = ModelCall(
    "c1", "acme", "t1", "task", 1, "choose", "m", {}, [], None, None, 700, 200, 0.000_5, datetime.now(UTC), 1.0
)
MOST = Most(tokens=4_000, money=2_000, seconds=60.0)


@pytest.mark.parametrize(
    ("call", "tokens", "money"),
    [
        (CALL, 900, 500),
        (replace(CALL, input_tokens=None, output_tokens=None, cost=None, error="cut off"), 4_000, 2_000),
        (replace(CALL, input_tokens=None, output_tokens=None, cost=None, error="refused", unbilled=True), 0, 0),
    ],
    ids=["counted", "not known", "unbilled"],
)
async def test_a_model_call_holds_the_most_and_settles_with_its_record(
    pool: Pool, call: ModelCall, tokens: int, money: int
) -> None:
    await new_thread(pool)
    calls = ModelCallStore(pool, domain="test")
    await calls.begin("c1", SITE, MOST)
    assert await spent(pool) == {"tokens": (4_000, 0), "money": (2_000, 0)}
    await calls.record(call)
    assert await spent(pool) == {"tokens": (0, tokens), "money": (0, money)}


async def test_a_model_call_that_left_no_record_counts_in_full_once_it_is_surely_over(pool: Pool) -> None:
    await new_thread(pool)
    calls = ModelCallStore(pool, domain="test")
    await calls.begin("killed", SITE, replace(MOST, seconds=-1.0))
    await calls.begin("under way", SITE, MOST)
    await calls.begin("c1", SITE, MOST)
    await calls.record(CALL)
    assert await spent(pool) == {"tokens": (4_000, 4_900), "money": (2_000, 2_500)}


async def test_tokens_over_the_limit_are_for_a_person_who_may_allow_as_much_again(pool: Pool) -> None:
    await new_thread(pool)
    calls = ModelCallStore(pool, domain="test", limits=changed(LIMITS, {"tokens": 5_000, "tokens_per_call": 4_500}))
    await calls.begin("c0", SITE, MOST)
    with pytest.raises(ModelError, match="4000 wanted, 1000 of 5000 tokens of this thread left") as full:
        await calls.begin("c1", SITE, MOST)
    assert full.value.failure_class == "limit_reached"
    assert [(row["unit"], row["more"]) for row in full.value.limits] == [("tokens", 5_000)]
    with pytest.raises(ModelError, match="tokens that one model call may take"):
        await calls.begin("c1", SITE, replace(MOST, tokens=4_501))
    reviews, number = ReviewStore(pool), await asked(pool)
    review = {**await reviews.get(number), "request": {"limits": [dict(row) for row in full.value.limits]}}
    await reviews.decide(review, Decision("hand_back", "dana", False, {"type": "respond"}, None, False))
    await calls.begin("c1", SITE, MOST)


def test_a_request_without_amounts_is_free() -> None:
    assert OperationRequest("k", "a", "t", "x", "p", "h", "r", False, "unsafe", 1.0).amounts == {}
    assert Claim(1, 1).recorded is None
