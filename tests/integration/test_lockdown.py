"""Lockdown over a real database: what is claimed once it is on, and what it waits for."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import replace

import psycopg
import pytest

from core.errors import BadInput, ToolError
from store.database import Pool
from store.ledger import PostgresLedger
from store.lockdown import LockdownStore, hold_off
from tests.integration.test_leases import becomes_true
from tests.integration.test_ledger import DONE, LOST, REQUEST
from tests.integration.threads import leased, new_thread


async def ledger(pool: Pool) -> PostgresLedger:
    return PostgresLedger(pool, (await leased(pool)).epoch)


async def test_nothing_is_claimed_while_it_is_on_whatever_was_approved(pool: Pool) -> None:
    await new_thread(pool)
    store, book = LockdownStore(pool), await ledger(pool)
    await store.on(None, None, "drill", "dana", verified=True)
    for request in (REQUEST, replace(REQUEST, idempotency="local")):
        with pytest.raises(ToolError, match="Lockdown is on: for everything, by dana at .*: drill") as locked:
            if request.idempotency == "local":
                async with book.local(request):
                    pass
            else:
                await book.claim(request)
        assert (locked.value.failure_class, locked.value.never_sent) == ("policy_violation", True)
    await store.off(None, None, "", "dana", verified=True)
    assert (await book.claim(REQUEST)).attempt == 1


async def test_what_was_sent_before_is_still_recorded_and_looked_up(pool: Pool) -> None:
    await new_thread(pool)
    store, book = LockdownStore(pool), await ledger(pool)
    asked = replace(REQUEST, idempotency="queryable", timeout=0.0)
    claim = await book.claim(asked)
    await store.on("test", "local", "drill", "dana", verified=True)
    await book.settle(asked, claim, "unknown", LOST)
    question = await book.claim(asked)
    assert question.ask
    with pytest.raises(ToolError, match="Lockdown"):
        await book.resolve(asked, question, None)
    assert (await book.resolve(asked, question, DONE)).recorded == DONE["results"]


@pytest.mark.parametrize(
    ("domain", "environment", "held"),
    [("test", None, True), ("other", None, False), ("acme/test", None, True), ("other/test", None, False),
     ("acme/other", None, False), (None, "local", True), (None, "production", False),
     ("test", "production", False)],
)  # fmt: skip
async def test_it_holds_for_its_agent_domain_and_environment(
    pool: Pool, domain: str | None, environment: None, held: bool
) -> None:
    store = LockdownStore(pool)
    await store.on(domain, environment, "", "dana", verified=True)
    assert bool(await store.in_force("acme", "test", "local")) == held
    await new_thread(pool)
    book = await ledger(pool)
    with pytest.raises(ToolError, match="Lockdown is on") if held else nullcontext():
        await book.claim(REQUEST)


async def test_one_switch_does_not_lift_another(pool: Pool) -> None:
    store = LockdownStore(pool)
    await store.on(None, None, "all", "dana", verified=True)
    await store.on("test", None, "one", "sam", verified=False)
    with pytest.raises(BadInput, match="That lockdown is not on. On: for everything, by dana"):
        await store.off("other", None, "", "dana", verified=True)
    await store.off(None, None, "", "dana", verified=True)
    assert [switch.reason for switch in await store.switches()] == ["one"]
    assert "by sam" in await store.in_force("acme", "test", "local")


async def test_its_switches_are_never_rewritten(pool: Pool) -> None:
    await LockdownStore(pool).on(None, None, "drill", "dana", verified=True)
    async with pool.connection() as connection:
        with pytest.raises(psycopg.errors.RaiseException):
            await connection.execute("update lockdown set reason = ''")


async def test_a_switch_waits_for_claims_under_way_and_later_claims_see_it(pool: Pool) -> None:
    await new_thread(pool)
    store, book = LockdownStore(pool), await ledger(pool)
    async with pool.connection() as claiming, claiming.transaction():
        await hold_off(claiming)
        switch = asyncio.create_task(store.on(None, None, "drill", "dana", verified=True))
        await becomes_true(lambda: _waits(str(pool.conninfo)))
        later = asyncio.create_task(book.claim(REQUEST))  # stands behind the switch
        assert not switch.done()
    await switch
    with pytest.raises(ToolError, match="Lockdown is on"):
        await later


def _waits(url: str) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select count(*) from pg_locks where locktype = 'advisory' and not granted and database ="
            " (select oid from pg_database where datname = current_database())"
        ).fetchone()
    return bool(row and row[0])
