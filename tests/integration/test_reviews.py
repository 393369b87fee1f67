from __future__ import annotations

import asyncio

import pytest

from core.errors import AlreadyDecided, NotFound, StaleDecision
from core.events import first_break
from core.lifecycle import REVIEW_MOVES
from core.people import Approver
from core.vocabulary import ReviewState
from store import reviews
from store.database import Pool
from store.reviews import Decision, ReviewStore
from store.sql import query
from store.threads import ThreadStore
from tests.integration.test_ledger import open_review
from tests.integration.threads import new_thread

APPROVE = Decision("approve", "dana", False, {"type": "approve"}, "hash1", False)
EDIT = Decision("edit", "sam", False, {"type": "edit"}, "hash2", True)


async def test_of_two_reviewers_one_wins_and_the_other_is_told_who(pool: Pool) -> None:
    await new_thread(pool)
    store = ReviewStore(pool)
    review = await store.get(await open_review(pool))
    answers = await asyncio.gather(store.decide(review, APPROVE), store.decide(review, EDIT), return_exceptions=True)
    [refused] = [answer for answer in answers if answer is not None]
    assert isinstance(refused, AlreadyDecided)
    winner = (await store.get(review["number"]))["decided_by"]
    assert f"by {winner} at" in str(refused)
    events = await ThreadStore(pool).timeline("t1")
    assert [stored.kind for stored in events].count("review_decided") == 1
    assert first_break(events) is None


async def test_a_decision_is_counted_recorded_and_proves_its_hash(pool: Pool) -> None:
    await new_thread(pool)
    store = ReviewStore(pool)
    review = await store.get(await open_review(pool))
    await store.decide(review, EDIT)
    assert await store.approver("t1", "hash2") == Approver("sam", editor="sam")
    assert await store.approver("t1", "hash1") is None
    assert await store.approver("t2", "hash2") is None
    assert await store.changed("acme", "write") == (1, 1, False)
    assert await store.changed("other", "write") == (0, 0, False)
    assert await ThreadStore(pool).wake("t1") == 1


async def test_history_is_that_of_the_tasks_most_like_one_nearest_first(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ReviewStore(pool)
    for thread_id, decision in (("t1", EDIT), ("t2", APPROVE), ("t3", APPROVE)):
        await new_thread(pool, thread_id)
        await store.decide(await store.get(await open_review(pool, thread_id=thread_id)), decision)
    assert await store.changed("acme", "write") == (1, 3, False)
    assert await store.changed("acme", "write", ["t3", "t2"]) == (0, 2, True)
    assert await store.changed("acme", "write", ["t9"]) == (0, 0, True)
    assert await store.changed("other", "write", ["t1"]) == (0, 0, True)
    monkeypatch.setattr(reviews, "ALIKE", 1)
    assert await store.changed("acme", "write", ["t1", "t2"]) == (1, 1, True)
    assert await store.changed("acme", "write", ["t2", "t1"]) == (0, 1, True)


async def test_a_decision_on_what_has_moved_on_is_refused(pool: Pool) -> None:
    await new_thread(pool)
    store = ReviewStore(pool)
    review = await store.get(await open_review(pool))
    async with pool.connection() as connection:
        await connection.execute("update review set state = 'withdrawn'")
    with pytest.raises(StaleDecision, match="moved on"):
        await store.decide(review, APPROVE)
    assert [stored.kind for stored in await ThreadStore(pool).timeline("t1")] == ["thread_started"]


@pytest.mark.parametrize("state", REVIEW_MOVES)
async def test_the_database_moves_reviews_as_the_lifecycle_table_says(pool: Pool, state: ReviewState) -> None:
    await new_thread(pool)
    number = await open_review(pool)
    for name, to in (("review_decide", "decided"), ("review_release", "released")):
        async with pool.connection() as connection:
            await connection.execute("update review set state = %s", [state])
            decision = {"answer": "approve", "decision": "{}", "decided_hash": None, "by": "dana", "verified": False}
            row = {"number": number, **decision}
            moved = (await connection.execute(query(name), row)).rowcount == 1
        assert moved == (to in REVIEW_MOVES[state]), (state, to)


async def test_a_review_that_does_not_exist_is_named(pool: Pool) -> None:
    with pytest.raises(NotFound, match="no review r-404"):
        await ReviewStore(pool).get(404)


async def test_a_lease_released_while_a_decision_comes_is_kept(pool: Pool) -> None:
    await new_thread(pool)
    threads = ThreadStore(pool)
    lease = await threads.take_lease(await threads.find("t1"), "worker")
    assert lease is not None
    assert await threads.take_lease(await threads.find("t1"), "another") is None
    store = ReviewStore(pool)
    await store.decide(await store.get(await open_review(pool)), APPROVE)
    assert not await threads.release(lease)
    await threads.abandon(lease)
    assert (await threads.find("t1"))["status"] == "queued"
