"""The ledger over a real database: each row of its table, and the SQL held against core/operations.py."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from core.errors import BadInput, LeaseLost, NotFound, ToolError
from core.events import first_break
from core.operations import (
    ANOTHER_ATTEMPT,
    FENCED,
    OPERATION_MOVES,
    Claim,
    IllegalOperationMove,
    OperationMove,
    OperationRequest,
    moved,
)
from core.vocabulary import OperationState, members
from store.database import Pool
from store.ledger import PostgresLedger
from store.operations import OperationStore, Place, move
from store.reviews import Decision, ReviewStore
from store.threads import ThreadStore
from tests.integration.threads import leased, new_thread

REQUEST = OperationRequest(
    "k1", "acme", "t1", "publish", "p1", "hash1", "request1", gated=False, idempotency="idempotent", timeout=60.0
)
UNSAFE = replace(REQUEST, idempotency="unsafe")
QUERYABLE = replace(REQUEST, idempotency="queryable")
DONE = {"results": {"published": {"sha256": "s"}}, "summary": "published"}
NO: dict[str, Any] = {"failure": {"class": "tool_refused", "message": "no"}}
LATER: dict[str, Any] = {"failure": {"class": "transient", "message": "429"}, "never_sent": True}
LOST: dict[str, Any] = {"failure": {"class": "transient", "message": "no answer"}}


async def ledger(pool: Pool, thread_id: str = "t1") -> PostgresLedger:
    """The ledger of a new run of the thread, whoever ran it before."""
    return PostgresLedger(pool, (await leased(pool, thread_id)).epoch)


async def row(pool: Pool) -> tuple[int, str, int, int]:
    """(revision, state, fence, attempt) of the revision in force."""
    found = (await OperationStore(pool).find("k1"))[-1]
    return found["revision"], found["state"], found["fence"], found["attempt"]


async def said(pool: Pool) -> list[str]:
    return [line["said"] for line in await OperationStore(pool).history("k1")]


async def refused(book: PostgresLedger, request: OperationRequest, failure_class: str) -> ToolError:
    with pytest.raises(ToolError) as error:
        await book.claim(request)
    assert error.value.failure_class == failure_class
    return error.value


async def ended(pool: Pool, state: OperationState, outcome: dict[str, Any], request: OperationRequest = REQUEST) -> Any:
    """The ledger of a run whose first attempt ended so."""
    await new_thread(pool)
    book = await ledger(pool)
    await book.settle(request, await book.claim(request), state, outcome)
    return book


async def test_a_claim_is_committed_with_its_deadline_before_anything_is_sent(pool: Pool) -> None:
    await new_thread(pool)
    assert await (await ledger(pool)).claim(REQUEST) == Claim(1, 1)
    [held] = await OperationStore(pool).find("k1")
    assert (held["state"], held["fence"], held["attempt"], held["epoch"]) == ("started", 1, 1, 1)
    assert (held["deadline"] - held["first_sent_at"]).total_seconds() == 60.0


async def test_what_succeeded_is_answered_from_the_record(pool: Pool) -> None:
    book = await ended(pool, "succeeded", DONE)
    again = await book.claim(replace(REQUEST, proposal_id="p2"))
    assert again.recorded == DONE["results"] and again.summary == "published"
    assert await row(pool) == (1, "succeeded", 1, 1)


@pytest.mark.parametrize(
    ("state", "outcome"), [("succeeded", DONE), ("unknown", LOST), (None, {})], ids=["succeeded", "unknown", "started"]
)
async def test_another_request_under_a_used_key_never_runs(
    pool: Pool, state: OperationState | None, outcome: dict[str, Any]
) -> None:
    await new_thread(pool)
    book = await ledger(pool)
    claim = await book.claim(REQUEST)
    if state is not None:
        await book.settle(REQUEST, claim, state, outcome)
    error = await refused(book, replace(REQUEST, request_hash="other"), "tool_refused")
    assert "another content" in str(error) and "it is not done twice" in str(error)
    assert await row(pool) == (1, state or "started", 1, 1)


async def test_a_successor_takes_over_and_the_old_attempt_cannot_record(pool: Pool) -> None:
    await new_thread(pool)
    old_book = await ledger(pool)
    old = await old_book.claim(REQUEST)
    new_book = await ledger(pool)
    new = await new_book.claim(REQUEST)
    assert (new.fence, new.attempt) == (2, 2)
    with pytest.raises(LeaseLost):
        await old_book.settle(REQUEST, old, "succeeded", DONE)
    await new_book.settle(REQUEST, new, "succeeded", DONE)
    assert await said(pool) == ["started", "taken_over", "started", "succeeded"]


async def test_a_run_that_was_fenced_may_still_record_what_nobody_has_taken_over(pool: Pool) -> None:
    await new_thread(pool)
    old_book = await ledger(pool)
    old = await old_book.claim(REQUEST)
    await leased(pool)
    await old_book.settle(REQUEST, old, "succeeded", DONE)
    assert await row(pool) == (1, "succeeded", 1, 1)


async def test_a_runner_without_the_lease_claims_nothing(pool: Pool) -> None:
    await new_thread(pool)
    old_book = await ledger(pool)
    await leased(pool)
    with pytest.raises(LeaseLost):
        await old_book.claim(REQUEST)
    with pytest.raises(NotFound):
        await OperationStore(pool).find("k1")


async def test_a_second_caller_is_busy_while_the_first_ones_lease_is_live(pool: Pool) -> None:
    await new_thread(pool)
    await new_thread(pool, "t2")
    await (await ledger(pool)).claim(REQUEST)
    other, asked = await ledger(pool, "t2"), replace(REQUEST, thread_id="t2")
    await refused(other, asked, "busy")
    assert await row(pool) == (1, "started", 1, 1)
    await run_out(pool)
    assert (await other.claim(asked)).fence == 2


async def test_eight_claims_at_once_are_one_claim(pool: Pool) -> None:
    await new_thread(pool)
    book = await ledger(pool)
    claims = await asyncio.gather(*(book.claim(REQUEST) for _ in range(8)), return_exceptions=True)
    assert [claim for claim in claims if isinstance(claim, Claim)] == [Claim(1, 1)]
    busy = [claim for claim in claims if isinstance(claim, ToolError)]
    assert {error.failure_class for error in busy} == {"busy"} and len(busy) == 7


async def test_a_recorded_failure_is_raised_again_as_what_it_was(pool: Pool) -> None:
    book = await ended(pool, "failed", NO)
    assert str(await refused(book, REQUEST, "tool_refused")) == "no"
    assert await said(pool) == ["started", "refused"]


async def test_a_failure_that_may_pass_is_tried_again_under_the_same_key(pool: Pool) -> None:
    book = await ended(pool, "failed", LATER)
    assert await book.claim(REQUEST) == Claim(1, 2)
    assert await said(pool) == ["started", "not_sent", "started"]


async def test_after_a_failure_another_proposal_may_try(pool: Pool) -> None:
    book = await ended(pool, "failed", NO)
    same = await book.claim(replace(REQUEST, proposal_id="p2"))
    assert (same.revision, same.attempt) == (1, 2)
    await book.settle(REQUEST, same, "failed", NO)
    other = await book.claim(replace(REQUEST, request_hash="other", proposal_id="p3"))
    assert (other.revision, other.attempt, other.fence) == (2, 1, 1)


async def test_what_was_refused_for_now_is_sent_again_by_whoever_comes_next(pool: Pool) -> None:
    await ended(pool, "started", LATER, UNSAFE)
    assert await row(pool) == (1, "started", 1, 2)
    assert await (await ledger(pool)).claim(UNSAFE) == Claim(1, 2)
    assert await said(pool) == ["started", "not_sent", "started"]


async def test_another_request_takes_the_place_of_one_that_was_never_sent(pool: Pool) -> None:
    book = await ended(pool, "started", LATER)
    claim = await book.claim(replace(REQUEST, request_hash="other", proposal_id="p2"))
    assert claim.revision == 2
    first, second = await OperationStore(pool).find("k1")
    assert (first["state"], second["state"], second["request_hash"]) == ("failed", "started", "other")
    await refused(book, REQUEST, "tool_refused")


async def test_an_idempotent_call_without_an_answer_is_repeated_while_its_key_is_remembered(pool: Pool) -> None:
    lived = replace(REQUEST, key_lifetime=3600.0)
    book = await ended(pool, "unknown", LOST, lived)
    assert await book.claim(lived) == Claim(1, 2)
    await book.settle(lived, Claim(1, 2), "unknown", LOST)
    await sent_earlier(pool, 3601)
    unknown = await refused(book, lived, "unknown_effect")
    assert unknown.operation is not None and unknown.operation["attempt"] == 2


async def test_what_an_unsafe_call_did_is_asked_of_a_person_and_never_repeated(pool: Pool) -> None:
    book = await ended(pool, "unknown", LOST, UNSAFE)
    unknown = await refused(book, UNSAFE, "unknown_effect")
    assert unknown.operation is not None
    assert {name: unknown.operation[name] for name in ("key", "revision", "fence", "attempt")} == {
        "key": "k1", "revision": 1, "fence": 1, "attempt": 1,
    }  # fmt: skip
    assert await row(pool) == (1, "unknown", 1, 1)


async def test_a_takeover_that_ends_in_a_question_is_kept(pool: Pool) -> None:
    await new_thread(pool)
    old_book = await ledger(pool)
    old = await old_book.claim(UNSAFE)
    new_book = await ledger(pool)
    await refused(new_book, UNSAFE, "unknown_effect")
    assert await row(pool) == (1, "unknown", 2, 1)
    with pytest.raises(LeaseLost):
        await old_book.settle(UNSAFE, old, "succeeded", DONE)
    assert await said(pool) == ["started", "taken_over"]


async def test_a_queryable_call_is_asked_about_only_when_it_is_surely_over(pool: Pool) -> None:
    book = await ended(pool, "unknown", LOST, QUERYABLE)
    wait = await refused(book, QUERYABLE, "transient")
    assert wait.never_sent and wait.retry_after is not None and 50 < wait.retry_after <= 60
    await past_deadline(pool)
    claim = await book.claim(QUERYABLE)
    assert claim.ask and (claim.fence, claim.attempt) == (1, 1)


async def test_what_the_far_side_knows_is_recorded(pool: Pool) -> None:
    book = await ended(pool, "unknown", LOST, QUERYABLE)
    await past_deadline(pool)
    found = await book.resolve(QUERYABLE, await book.claim(QUERYABLE), DONE)
    assert found.recorded == DONE["results"] and not found.ask
    assert await row(pool) == (1, "succeeded", 1, 1)
    assert (await said(pool))[-1] == "found"


async def test_what_the_far_side_does_not_know_is_sent_again(pool: Pool) -> None:
    book = await ended(pool, "unknown", LOST, QUERYABLE)
    await past_deadline(pool)
    ask = await book.claim(QUERYABLE)
    assert await book.resolve(QUERYABLE, ask, None) == Claim(1, 2)
    assert await said(pool) == ["started", "unknown", "absent", "started"]
    await refused(book, QUERYABLE, "busy")
    with pytest.raises(ToolError) as late:  # a second one that had asked at the same time
        await book.resolve(QUERYABLE, ask, None)
    assert late.value.failure_class == "busy" and await row(pool) == (1, "started", 1, 2)


async def test_a_gated_call_needs_the_decided_review_of_this_very_hash(pool: Pool) -> None:
    await new_thread(pool)
    book = await ledger(pool)
    gated = replace(REQUEST, gated=True)
    with pytest.raises(ToolError, match="needs a person's approval of exactly this call"):
        await book.claim(gated)
    number = await open_review(pool, action_hash="another")
    await decide(pool, number, "another")
    with pytest.raises(ToolError, match="approval"):
        await book.claim(gated)
    await decide(pool, await open_review(pool, "i2", "hash1"), "hash1")
    assert (await book.claim(gated)).attempt == 1


async def test_an_effect_in_our_database_is_all_or_nothing(pool: Pool) -> None:
    await new_thread(pool)
    book = await ledger(pool)
    local = replace(REQUEST, idempotency="local")

    async def half() -> None:
        async with book.local(local) as operation:
            ref = await operation.artifacts.put("acme", "text", "text/plain", "test", "model")
            await operation.documents.save("intent", ref)
            raise ToolError("after the effect, before the record", "bug")

    with pytest.raises(ToolError):
        await half()
    assert await counted(pool, "document") == 0 and await counted(pool, "operation") == 0

    async with book.local(local) as operation:
        ref = await operation.artifacts.put("acme", "text", "text/plain", "test", "model")
        assert await operation.documents.save("intent", ref) == 1
        await operation.succeed(DONE)
    assert await counted(pool, "document") == 1
    async with book.local(local) as operation:
        assert operation.claim.recorded == DONE["results"]
    assert await said(pool) == ["succeeded"]


async def test_a_person_may_open_what_is_over_for_one_new_request(pool: Pool) -> None:
    book = await ended(pool, "succeeded", DONE)
    assert await OperationStore(pool).revise("k1", "dana", "the page was taken down") == 2
    other = replace(REQUEST, request_hash="other", proposal_id="p2")
    claim = await book.claim(other)
    assert (claim.revision, claim.recorded) == (2, None)
    await book.settle(other, claim, "succeeded", {**DONE, "summary": "again"})
    assert (await book.claim(REQUEST)).summary == "published"  # the first request keeps its own record
    assert (await book.claim(other)).summary == "again"
    await refused(book, replace(REQUEST, request_hash="third", proposal_id="p3"), "tool_refused")
    history = await OperationStore(pool).history("k1")
    assert [(line["said"], line["actor"]) for line in history][2] == ("revised", "dana")


@pytest.mark.parametrize("state", ["started", "unknown"])
async def test_what_is_not_over_is_not_opened_again(pool: Pool, state: OperationState) -> None:
    await ended(pool, state, LOST)
    with pytest.raises(BadInput, match=f"is {state}; only one that is over"):
        await OperationStore(pool).revise("k1", "dana", "")


async def test_every_attempt_is_in_the_history_and_in_the_chain_of_events(pool: Pool) -> None:
    book = await ended(pool, "started", LATER)
    await book.settle(REQUEST, await book.claim(REQUEST), "succeeded", DONE)
    events = [stored for stored in await ThreadStore(pool).timeline("t1") if stored.kind == "tool_attempt"]
    assert [(stored.body["said"], stored.body["attempt"]) for stored in events] == [
        ("started", 1), ("not_sent", 1), ("started", 2), ("succeeded", 2),
    ]  # fmt: skip
    assert events[1].body["message"] == "429" and {stored.event_class for stored in events} == {"observed"}
    assert await said(pool) == [stored.body["said"] for stored in events]
    assert first_break(await ThreadStore(pool).timeline("t1")) is None


@pytest.mark.parametrize("by", members(OperationMove))
@pytest.mark.parametrize("state", members(OperationState))
async def test_the_database_moves_operations_as_the_table_says(
    pool: Pool, state: OperationState, by: OperationMove
) -> None:
    await new_thread(pool)
    await (await ledger(pool)).claim(REQUEST)
    async with pool.connection() as connection:
        await connection.execute("update operation set state = %s", [state])
        place = Place("k1", 1, 1, 1, state)
        if by not in OPERATION_MOVES[state]:
            with pytest.raises(IllegalOperationMove):
                await move(connection, place, by)
            return
        for stale in (replace(place, fence=2), replace(place, attempt=2), replace(place, revision=2)):
            assert await move(connection, stale, by) is None
        done = await move(connection, place, by)
        assert done is not None and done.place == Place(
            "k1", 1, 1 + (by in FENCED), 1 + (by in ANOTHER_ATTEMPT), moved(state, by)
        )
        if moved(state, by) != state or by in ANOTHER_ATTEMPT:
            assert await move(connection, place, by) is None
    assert await row(pool) == (1, done.place.state, done.place.fence, done.place.attempt)


async def test_a_database_that_goes_away_is_a_storage_failure_and_nothing_is_half_done(pool: Pool) -> None:
    await new_thread(pool)
    book = await ledger(pool)
    with pytest.raises(ToolError, match="did not answer") as gone:
        async with book.local(replace(REQUEST, idempotency="local")):
            await cut_all_connections(pool)
    assert gone.value.failure_class == "storage"
    assert await book.claim(REQUEST) == Claim(1, 1)


async def cut_all_connections(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )


async def run_out(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute("update thread set lease_until = now() - interval '1 second' where id = 't1'")


async def past_deadline(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute("update operation set deadline = now() - interval '1 second'")


async def sent_earlier(pool: Pool, seconds: int) -> None:
    async with pool.connection() as connection:
        await connection.execute("update operation set first_sent_at = now() - %s * interval '1 second'", [seconds])


async def open_review(pool: Pool, interrupt_id: str = "i1", action_hash: str = "hash1", thread_id: str = "t1") -> int:
    async with pool.connection() as connection:
        found = await (
            await connection.execute(
                "insert into review (tenant, thread_id, kind, interrupt_id, checkpoint_id, task_type, action_hash,"
                " request) values ('acme', %s, 'action', %s, 'c', 'write', %s, '{}') returning number",
                [thread_id, interrupt_id, action_hash],
            )
        ).fetchone()
    assert found is not None
    return int(found["number"])


async def decide(pool: Pool, number: int, decided_hash: str) -> None:
    store = ReviewStore(pool)
    decision = Decision("approve", "dana", False, {"type": "approve"}, decided_hash, False)
    await store.decide(await store.get(number), decision)


async def counted(pool: Pool, table: str) -> Any:
    async with pool.connection() as connection:
        found = await (await connection.execute(f"select count(*) as n from {table}")).fetchone()
    assert found is not None
    return found["n"]
