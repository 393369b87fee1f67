from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from core.errors import LeaseLost, ToolError
from core.operations import OperationRequest
from store.database import Pool
from store.ledger import PostgresLedger
from store.reviews import Decision, ReviewStore
from tests.integration.threads import leased, new_thread

REQUEST = OperationRequest("k1", "acme", "t1", "publish", "p1", "hash1", "request1", gated=False)
DONE = {"results": {"published": {"sha256": "s"}}, "summary": "published"}


async def ledger(pool: Pool) -> PostgresLedger:
    return PostgresLedger(pool, (await leased(pool)).epoch)


async def test_what_succeeded_is_answered_from_the_record(pool: Pool) -> None:
    await new_thread(pool)
    book = await ledger(pool)
    first = await book.claim(REQUEST)
    await book.settle(REQUEST, first, "succeeded", DONE)
    again = await book.claim(REQUEST)
    assert again.recorded == DONE["results"] and again.summary == "published"


async def test_another_request_under_a_used_key_never_runs(pool: Pool) -> None:
    await new_thread(pool)
    book = await ledger(pool)
    await book.settle(REQUEST, await book.claim(REQUEST), "succeeded", DONE)
    with pytest.raises(ToolError, match="it is not done twice") as refused:
        await book.claim(replace(REQUEST, request_hash="other"))
    assert refused.value.failure_class == "tool_refused"


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


async def test_a_runner_without_the_lease_claims_nothing(pool: Pool) -> None:
    await new_thread(pool)
    old_book = await ledger(pool)
    await leased(pool)
    with pytest.raises(LeaseLost):
        await old_book.claim(REQUEST)


async def test_a_failed_operation_may_be_tried_again(pool: Pool) -> None:
    await new_thread(pool)
    book = await ledger(pool)
    await book.settle(
        REQUEST, await book.claim(REQUEST), "failed", {"failure": {"class": "storage", "message": "full"}}
    )
    again = await book.claim(replace(REQUEST, request_hash="other", proposal_id="p2"))
    assert again.recorded is None and again.attempt == 2


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

    async def half() -> None:
        async with book.local(REQUEST) as operation:
            ref = await operation.artifacts.put("acme", "text", "text/plain", "test", "model")
            await operation.documents.save("intent", ref)
            raise ToolError("after the effect, before the record", "bug")

    with pytest.raises(ToolError):
        await half()
    assert await counted(pool, "document") == 0 and await counted(pool, "operation") == 0

    async with book.local(REQUEST) as operation:
        ref = await operation.artifacts.put("acme", "text", "text/plain", "test", "model")
        assert await operation.documents.save("intent", ref) == 1
        await operation.succeed(DONE)
    assert await counted(pool, "document") == 1
    async with book.local(REQUEST) as operation:
        assert operation.claim.recorded == DONE["results"]


async def test_eight_claims_at_once_are_one_first_claim(pool: Pool) -> None:
    await new_thread(pool)
    book = await ledger(pool)
    claims = await asyncio.gather(*(book.claim(REQUEST) for _ in range(8)))
    assert sorted(claim.fence for claim in claims) == list(range(1, 9))


async def open_review(pool: Pool, interrupt_id: str = "i1", action_hash: str = "hash1") -> int:
    async with pool.connection() as connection:
        row = await (
            await connection.execute(
                "insert into review (tenant, thread_id, kind, interrupt_id, checkpoint_id, task_type, action_hash,"
                " request) values ('acme', 't1', 'action', %s, 'c', 'write', %s, '{}') returning number",
                [interrupt_id, action_hash],
            )
        ).fetchone()
    assert row is not None
    return int(row["number"])


async def decide(pool: Pool, number: int, decided_hash: str) -> None:
    store = ReviewStore(pool)
    decision = Decision("approve", "dana", False, {"type": "approve"}, decided_hash, False)
    await store.decide(await store.get(number), decision)


async def counted(pool: Pool, table: str) -> Any:
    async with pool.connection() as connection:
        row = await (await connection.execute(f"select count(*) as n from {table}")).fetchone()
    assert row is not None
    return row["n"]
