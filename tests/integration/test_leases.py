from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psycopg

from core.state import Json
from runtime import threads
from store.database import Pool
from store.leases import LeaseRenewal
from tests.integration.application import DANA, opened, started, waiting
from tests.integration.threads import leased, new_thread

DEADLINE = 15.0


def lease_until(url: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute("select lease_until from thread").fetchone()
    assert row is not None
    return row[0]


def comes_true(condition: Any) -> bool:
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        if condition():
            return True
    return False


async def test_a_living_run_keeps_its_lease_while_its_event_loop_is_busy(pool: Pool, database_url: str) -> None:
    await new_thread(pool)
    lease = await leased(pool)
    before = lease_until(database_url)
    with LeaseRenewal(database_url, lease):
        assert comes_true(lambda: lease_until(database_url) > before)  # blocks this loop, as a long computation would


async def test_a_fenced_run_renews_no_more(pool: Pool, database_url: str) -> None:
    await new_thread(pool)
    old = await leased(pool)
    await leased(pool)
    before = lease_until(database_url)
    renewal = LeaseRenewal(database_url, old)
    with renewal:
        assert comes_true(renewal.ended)
    assert lease_until(database_url) == before


async def test_an_advance_keeps_its_lease_for_as_long_as_it_runs(database_url: str, home: Path) -> None:
    renewed: list[bool] = []

    def observe(node: str, changes: Json) -> None:
        if not renewed:
            before = lease_until(database_url)
            renewed.append(comes_true(lambda: lease_until(database_url) > before))

    async with opened(database_url, home) as app:
        thread_id = await started(app)
        await threads.decide(app, (await waiting(app, thread_id))["number"], "approve", DANA)
        await threads.advance(app, thread_id, observe)
    assert renewed == [True]
