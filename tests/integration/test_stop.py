"""Stopping a thread: at once when nobody runs it, else before its next step."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.errors import NotFound, StaleDecision, ThreadEnded
from core.events import first_break
from core.state import Json
from core.vocabulary import ThreadStatus
from runtime import threads
from store.database import Pool
from store.reviews import Decision, ReviewStore
from store.threads import ThreadStore
from tests.integration.application import DANA, events, opened, queued, started, waiting
from tests.integration.test_leases import becomes_true, hanging
from tests.integration.threads import asked as new_review
from tests.integration.threads import leased, new_thread

APPROVE = Decision("approve", "dana", False, {"type": "approve"}, "hash1", False)


@pytest.mark.parametrize("status", ["queued", "waiting", "failed", "taken_over"])
async def test_what_nobody_runs_is_stopped_at_once_and_nobody_is_asked_any_more(
    pool: Pool, status: ThreadStatus
) -> None:
    await new_thread(pool)
    number = await new_review(pool)
    async with pool.connection() as connection:
        await connection.execute("update thread set status = %s", [status])
    assert await ThreadStore(pool).request_stop("t1", "dana", "wrong keyword") == "stopped"
    thread = await ThreadStore(pool).get("t1")
    timeline = await ThreadStore(pool).timeline("t1")
    assert thread["ending"] == {"status": "stopped", "reason": "stopped by dana: wrong keyword"}
    assert [stored.kind for stored in timeline][-2:] == ["stop_requested", "thread_finished"]
    assert {stored.actor for stored in timeline[-2:]} == {"dana"}
    assert first_break(timeline) is None
    reviews = ReviewStore(pool)
    assert (await reviews.get(number))["state"] == "withdrawn"
    with pytest.raises(StaleDecision):
        await reviews.decide(await reviews.get(number), APPROVE)


async def test_a_decision_that_no_run_has_taken_up_is_withdrawn_with_the_thread(pool: Pool) -> None:
    await new_thread(pool)
    reviews = ReviewStore(pool)
    number = await new_review(pool)
    await reviews.decide(await reviews.get(number), APPROVE)
    await ThreadStore(pool).request_stop("t1", "dana", "")
    assert (await reviews.get(number))["state"] == "withdrawn"
    assert await reviews.approver("t1", "hash1") is None


async def test_a_dead_runner_is_not_waited_for_and_fenced(pool: Pool) -> None:
    await new_thread(pool)
    lease = await leased(pool)
    async with pool.connection() as connection:
        await connection.execute("update thread set lease_until = now()")
    store = ThreadStore(pool)
    assert await store.request_stop("t1", "dana", "") == "stopped"
    assert (await store.get("t1"))["epoch"] > lease.epoch


async def test_a_run_stops_before_its_next_step_and_its_thread_is_stopped(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await queued(app)
        asked, go = await hanging(app, monkeypatch)
        nodes: list[str] = []

        def observe(node: str, changes: Json) -> None:
            nodes.append(node)

        run = asyncio.create_task(threads.advance(app, thread_id, observe))
        await asked.acquire()
        before = len(nodes)
        assert await threads.stop(app, thread_id, DANA, "enough") == "running"
        assert await threads.stop(app, thread_id, threads.Person("sam"), "me too") == "running"
        held = app.keeper._held  # the keeper has to hear of it before the call comes back
        await becomes_true(lambda: all(each.told for each in held.values()))
        go.set()
        thread = await asyncio.wait_for(run, 15)
        assert (thread["status"], thread["ending"]["reason"]) == ("stopped", "stopped by dana: enough")
        assert thread["lease_owner"] is None
        assert nodes[before:] in ([], ["planner"], ["planner", "export"])
        assert len(await events(app, thread_id, "stop_requested")) == 1
        assert first_break(await app.threads.timeline(thread_id)) is None


async def test_a_stop_that_comes_while_the_run_ends_is_not_forgotten(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await queued(app)
        loop = asyncio.get_running_loop()
        stops: list[asyncio.Task[ThreadStatus]] = []

        def observe(node: str, changes: Json) -> None:
            if node == "export":  # after the interrupt is stored, before the lease is given back
                stops.append(loop.create_task(threads.stop(app, thread_id, DANA, "late")))

        thread = await threads.advance(app, thread_id, observe)
        await stops[0]
        thread = await app.threads.get(thread_id)
        assert (thread["status"], thread["lease_owner"]) == ("stopped", None)
        assert await app.reviews.inbox(None, 10) == []


async def test_a_stop_between_the_last_step_and_the_release_is_no_lost_lease(pool: Pool) -> None:
    await new_thread(pool)
    lease = await leased(pool)
    async with pool.connection() as connection:
        await connection.execute("update thread set status = 'waiting'")
    assert await ThreadStore(pool).request_stop("t1", "dana", "") == "stopped"
    assert not await ThreadStore(pool).release(lease)
    assert await ThreadStore(pool).proceed(lease, draining=False) is None


async def test_a_failed_run_that_was_asked_to_stop_is_stopped(pool: Pool) -> None:
    await new_thread(pool)
    lease = await leased(pool)
    store = ThreadStore(pool)
    assert await store.request_stop("t1", "dana", "") == "running"
    await store.abandon(lease)
    assert (await store.get("t1"))["status"] == "stopped"


async def test_what_has_ended_or_does_not_exist_is_refused(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        number = (await waiting(app, thread_id))["number"]
        await threads.stop(app, thread_id, DANA, "")
        with pytest.raises(ThreadEnded, match="is stopped; there is nothing to stop"):
            await threads.stop(app, thread_id, DANA, "")
        with pytest.raises(StaleDecision, match="moved on"):
            await threads.decide(app, number, "approve", DANA)
        with pytest.raises(NotFound):
            await threads.stop(app, "nowhere", DANA, "")
