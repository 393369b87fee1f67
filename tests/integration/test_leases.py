"""The keeper of leases, with a real database under it and a real event loop over it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.errors import LeaseLost
from core.state import Json
from runtime import threads
from store import leases
from store.database import Pool
from store.leases import LeaseKeeper
from store.threads import Lease, ThreadStore
from tests.integration.application import DANA, opened, started, waiting
from tests.integration.threads import leased, new_thread

DEADLINE = 15.0


def lease_until(url: str, thread_id: str = "t1") -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute("select lease_until from thread where id = %s", [thread_id]).fetchone()
    assert row is not None
    return row[0]


def comes_true(condition: Callable[[], Any]) -> bool:
    """Blocks the event loop meanwhile, as a long computation would."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        if condition():
            return True
    return False


async def becomes_true(condition: Callable[[], Any]) -> bool:
    """Lets the event loop go on meanwhile."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - conditions of all kinds, also in the database
            await asyncio.sleep(0.01)
    return True


def nothing() -> None:
    """Nobody is told."""


@pytest.fixture
async def keeper(database_url: str) -> AsyncIterator[LeaseKeeper]:
    made = LeaseKeeper(database_url)
    yield made
    made.close()


async def test_a_living_run_keeps_its_lease_while_its_event_loop_is_busy(
    pool: Pool, database_url: str, keeper: LeaseKeeper
) -> None:
    await new_thread(pool)
    before = lease_until(database_url)
    with keeper.hold(await leased(pool), on_lost=nothing, on_stop=nothing):
        before = lease_until(database_url)
        assert comes_true(lambda: lease_until(database_url) > before)


async def test_one_thread_renews_all_leases_and_says_which_one_is_lost(
    pool: Pool, database_url: str, keeper: LeaseKeeper
) -> None:
    held = {}
    for name in ("t1", "t2", "t3"):
        await new_thread(pool, name)
        held[name] = await leased(pool, name)
    await leased(pool, "t2")  # another takes it
    lost: list[str] = []
    with (
        keeper.hold(held["t1"], on_lost=lambda: lost.append("t1"), on_stop=nothing),
        keeper.hold(held["t2"], on_lost=lambda: lost.append("t2"), on_stop=nothing),
        keeper.hold(held["t3"], on_lost=lambda: lost.append("t3"), on_stop=nothing),
    ):
        before = {name: lease_until(database_url, name) for name in held}
        assert await becomes_true(lambda: lost)
        for name in ("t1", "t3"):
            assert await becomes_true(lambda name=name: lease_until(database_url, name) > before[name])
        assert (lost, keeper.holds(held["t2"])) == (["t2"], False)
        assert lease_until(database_url, "t2") == before["t2"]


async def test_a_lease_that_was_given_back_meanwhile_is_not_taken_again_by_its_renewal(
    pool: Pool, database_url: str, keeper: LeaseKeeper
) -> None:
    for name in ("t1", "t2"):
        await new_thread(pool, name)
    back, kept = await leased(pool), await leased(pool, "t2")
    with (
        keeper.hold(back, on_lost=nothing, on_stop=nothing),
        keeper.hold(kept, on_lost=nothing, on_stop=nothing),
    ):
        assert await ThreadStore(pool).release(back)
        before = lease_until(database_url, "t2")
        assert await becomes_true(lambda: lease_until(database_url, "t2") > before)
        assert lease_until(database_url) is None


async def test_who_left_is_told_nothing_any_more(pool: Pool, keeper: LeaseKeeper) -> None:
    await new_thread(pool)
    told: list[str] = []
    with keeper.hold(await leased(pool), on_lost=lambda: told.append("lost"), on_stop=lambda: told.append("stop")):
        pass
    await leased(pool)
    await new_thread(pool, "t2")
    other = await leased(pool, "t2")
    await ThreadStore(pool).request_stop("t2", "dana", "")
    with keeper.hold(other, on_lost=nothing, on_stop=lambda: told.append("t2 stops")):
        assert await becomes_true(lambda: told)
    assert told == ["t2 stops"]


@pytest.mark.parametrize(("call", "kept"), [(None, False), (60.0, True)])
async def test_a_hung_loop_loses_its_lease_unless_a_long_call_is_announced(
    pool: Pool, database_url: str, keeper: LeaseKeeper, monkeypatch: pytest.MonkeyPatch, call: float | None, kept: bool
) -> None:
    monkeypatch.setattr(leases, "PATIENCE", -1.0)  # a loop that answers is already too late; a call gives it time
    await new_thread(pool)
    lease = await leased(pool)
    await new_thread(pool, "t2")
    before = lease_until(database_url)
    with keeper.hold(lease, on_lost=nothing, on_stop=nothing):
        if call is None:
            assert comes_true(lambda: has_run_out(database_url))
        else:
            with keeper.running(call):
                assert comes_true(lambda: lease_until(database_url) > before)
    assert has_run_out(database_url) != kept


def has_run_out(url: str) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute("select lease_until < now() from thread where id = 't1'").fetchone()
    return row is not None and bool(row[0])


async def test_an_advance_keeps_its_lease_for_as_long_as_it_runs(database_url: str, home: Path) -> None:
    renewed: list[bool] = []
    async with opened(database_url, home) as app:
        thread_id = await started(app)

        def observe(node: str, changes: Json) -> None:
            if not renewed:
                before = lease_until(database_url, thread_id)
                renewed.append(comes_true(lambda: lease_until(database_url, thread_id) > before))

        await threads.decide(app, (await waiting(app, thread_id))["number"], "approve", DANA)
        await threads.advance(app, thread_id, observe)
    assert renewed == [True]


async def test_a_run_that_has_lost_its_lease_is_cancelled_in_the_middle_of_a_call(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        await threads.decide(app, (await waiting(app, thread_id))["number"], "approve", DANA)
        model, _ = await hanging(app, monkeypatch)
        run = asyncio.create_task(threads.advance(app, thread_id))
        await model.acquire()
        lease = await leased(app.pool, thread_id)
        with pytest.raises(LeaseLost):
            await asyncio.wait_for(run, DEADLINE)
        assert run.cancelling() == 0
        thread = await app.threads.get(thread_id)
        assert (thread["epoch"], thread["status"], thread["lease_owner"]) == (lease.epoch, "running", "tester")


async def hanging(app: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Semaphore, asyncio.Event]:
    """The offline model, whose next answers never come: (released each time it is asked, set to let it answer)."""
    from runtime.chat_model import ChatModel

    asked, go = asyncio.Semaphore(0), asyncio.Event()
    choose = ChatModel.choose

    async def waits(self: ChatModel, *given: Any) -> Any:
        asked.release()
        await go.wait()
        return await choose(self, *given)

    monkeypatch.setattr(ChatModel, "choose", waits)
    return asked, go


async def test_a_lease_is_given_back_only_while_no_decision_came(pool: Pool) -> None:
    await new_thread(pool)
    lease = await leased(pool)
    store = ThreadStore(pool)
    assert not await store.release(Lease("t1", lease.epoch, lease.wake + 1))
    assert await store.release(lease)
