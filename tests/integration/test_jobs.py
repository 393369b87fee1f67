"""The queue: the thread's row is the truth, a job is a hint. Contract of store.jobs.Jobs over PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from psycopg import sql

from store.database import Pool
from store.jobs import SWEEP_PER_TENANT, PostgresJobs
from store.reviews import Decision, ReviewStore
from store.threads import ThreadStore
from tests.integration.threads import asked, leased, new_thread

VERSION = 1
APPROVE = Decision("approve", "dana", False, {"type": "approve"}, "hash1", False)
DEADLINE = 20.0


@pytest.fixture
def jobs(pool: Pool, database_url: str) -> PostgresJobs:
    return PostgresJobs(pool, database_url)


async def run_sql(pool: Pool, statement: str, *given: Any) -> list[dict[str, Any]]:
    async with pool.connection() as connection:
        cursor = await connection.execute(sql.SQL(statement), given)  # type: ignore[arg-type]  # our own text
        return await cursor.fetchall() if cursor.description else []


async def waiting_jobs(pool: Pool) -> list[str]:
    """Threads that have a job, in the order in which they would be run."""
    rows = await run_sql(pool, "select lock from procrastinate_jobs where status = 'todo' order by priority desc, id")
    return [row["lock"] for row in rows]


async def thread(pool: Pool, thread_id: str, tenant: str = "acme", **columns: Any) -> None:
    await new_thread(pool, thread_id, tenant=tenant)
    for name, value in columns.items():
        statement = sql.SQL("update thread set {} = %s where id = %s").format(sql.Identifier(name))
        async with pool.connection() as connection:
            await connection.execute(statement, [value, thread_id])


async def comes(pool: Pool, statement: str) -> None:
    """Until the statement has a row."""
    async with asyncio.timeout(DEADLINE):
        while not await run_sql(pool, statement):  # noqa: ASYNC110 - the condition is in the database
            await asyncio.sleep(0.01)


async def test_a_thread_has_at_most_one_waiting_job_and_a_second_rolls_nothing_back(
    pool: Pool, jobs: PostgresJobs
) -> None:
    await new_thread(pool)
    for _ in range(2):
        async with pool.connection() as connection, connection.transaction():
            await jobs.enqueue(connection, "t1")
            await connection.execute("update thread set priority = priority + 1")
    assert await waiting_jobs(pool) == ["t1"]
    assert (await ThreadStore(pool).get("t1"))["priority"] == 2


async def test_a_job_of_a_decision_that_is_rolled_back_is_none(pool: Pool, jobs: PostgresJobs) -> None:
    await new_thread(pool)
    with pytest.raises(RuntimeError):
        async with pool.connection() as connection, connection.transaction():
            await jobs.enqueue(connection, "t1")
            raise RuntimeError
    assert await waiting_jobs(pool) == []


@pytest.mark.parametrize(
    ("columns", "enqueued"),
    [
        ({"status": "queued"}, True),
        ({"status": "running", "epoch": 1, "lease_until": "2001-01-01"}, True),
        ({"status": "running", "epoch": 1, "lease_until": "2999-01-01"}, False),
        ({"status": "queued", "epoch": 3}, True),
        ({"status": "queued", "wake_at": "2999-01-01"}, False),
        ({"status": "queued", "wake_at": "2001-01-01"}, True),
        ({"status": "failed", "epoch": 1, "wake_at": "2001-01-01"}, True),
        ({"status": "failed", "epoch": 1, "wake_at": "2999-01-01"}, False),
        ({"status": "failed", "epoch": 1}, False),
        ({"status": "waiting", "epoch": 1}, False),
        ({"status": "waiting", "epoch": 1, "wake_at": "2001-01-01"}, False),
        ({"status": "done", "epoch": 1}, False),
        ({"status": "stopped"}, False),
        ({"status": "taken_over"}, False),
        ({"status": "queued", "graph_version": VERSION + 1}, False),
    ],
)
async def test_the_sweep_enqueues_what_can_run_and_nothing_else(
    pool: Pool, jobs: PostgresJobs, columns: Mapping[str, Any], enqueued: bool
) -> None:
    await thread(pool, "t1", **columns)
    assert await jobs.sweep(VERSION) == enqueued
    assert await jobs.sweep(VERSION) == 0
    assert await waiting_jobs(pool) == ["t1"] * enqueued


@pytest.mark.parametrize(
    ("columns", "enqueued"),
    [({}, True), ({"wake_at": "2001-01-01"}, True), ({"wake_at": "2999-01-01"}, False)],
)
async def test_a_decision_whose_job_got_lost_is_found(
    pool: Pool, jobs: PostgresJobs, columns: Mapping[str, Any], enqueued: bool
) -> None:
    await thread(pool, "t1")
    store = ReviewStore(pool)
    await store.decide(await store.get(await asked(pool)), APPROVE)
    await run_sql(pool, "delete from procrastinate_jobs")
    await run_sql(pool, "update thread set status = 'waiting', epoch = 1")
    for name, value in columns.items():
        await run_sql(pool, f"update thread set {name} = %s", value)
    assert await jobs.sweep(VERSION) == enqueued


@pytest.mark.parametrize(("reserved", "jobs_then"), [(False, ["t1"]), (True, [])])
async def test_a_decision_brings_its_job_unless_the_one_who_decides_runs_the_thread(
    pool: Pool, jobs: PostgresJobs, reserved: bool, jobs_then: list[str]
) -> None:
    await new_thread(pool)
    store = ReviewStore(pool)
    await store.decide(await store.get(await asked(pool)), APPROVE, reserved=reserved)
    assert await waiting_jobs(pool) == jobs_then
    assert await jobs.sweep(VERSION) == 0
    await run_sql(pool, "update thread set wake_at = wake_at - interval '1 minute'")  # who reserved it has died
    await jobs.sweep(VERSION)
    assert await waiting_jobs(pool) == ["t1"]


async def test_a_paused_batch_begins_nothing(pool: Pool, jobs: PostgresJobs) -> None:
    await run_sql(
        pool,
        "insert into batch (tenant, domain, file_name, requester, paused) "
        "values ('acme', 'test', 'a.csv', 'sam', true), ('acme', 'test', 'b.csv', 'sam', false)",
    )
    await thread(pool, "t1", batch=1)
    await thread(pool, "t2", batch=2)
    await thread(pool, "t3")
    await jobs.sweep(VERSION)
    assert sorted(await waiting_jobs(pool)) == ["t2", "t3"]


async def test_jobs_wait_in_the_order_of_their_threads_and_what_has_begun_comes_first(
    pool: Pool, jobs: PostgresJobs
) -> None:
    await thread(pool, "late", due_at="2999-01-02", created_at="2001-01-01")
    await thread(pool, "soon", due_at="2999-01-01", created_at="2002-01-01")
    await thread(pool, "never", created_at="2000-01-01")
    await thread(pool, "urgent", priority=1, created_at="2003-01-01")
    await thread(pool, "begun", epoch=2, created_at="2004-01-01")
    await jobs.sweep(VERSION)
    assert await waiting_jobs(pool) == ["urgent", "begun", "soon", "late", "never"]


async def test_one_tenants_long_queue_keeps_no_other_waiting_nor_what_has_begun(pool: Pool, jobs: PostgresJobs) -> None:
    for number in range(SWEEP_PER_TENANT + 5):
        await thread(pool, f"a{number}")
    assert await jobs.sweep(VERSION) == SWEEP_PER_TENANT
    assert await jobs.sweep(VERSION) == 0
    await thread(pool, "other", tenant="rival")
    await thread(pool, "begun", epoch=1)
    assert await jobs.sweep(VERSION) == 2
    await run_sql(pool, "delete from procrastinate_jobs where lock = 'a0'")
    await run_sql(pool, "update thread set status = 'done' where id = 'a0'")
    assert await jobs.sweep(VERSION) == 1


async def test_a_dead_workers_job_no_longer_blocks_its_thread_and_a_slow_workers_does(
    pool: Pool, jobs: PostgresJobs
) -> None:
    await thread(pool, "t1")
    await thread(pool, "t2")
    await jobs.sweep(VERSION)
    workers = [row["worker_id"] for row in await run_sql(
        pool, "select procrastinate_register_worker_v1() as worker_id from generate_series(1, 2)"
    )]  # fmt: skip
    for worker in workers:
        await run_sql(pool, "select procrastinate_fetch_job_v2(null, %s)", worker)
    await run_sql(
        pool, "update procrastinate_workers set last_heartbeat = now() - interval '6 seconds' where id = %s", workers[0]
    )
    assert await jobs.sweep(VERSION) == 1
    assert await waiting_jobs(pool) == ["t1"]
    assert [row["id"] for row in await run_sql(pool, "select id from procrastinate_workers")] == [workers[1]]


async def test_jobs_are_run_as_they_come_and_leave_nothing_behind(pool: Pool, jobs: PostgresJobs) -> None:
    stopped, ran = asyncio.Event(), list[str]()

    async def run(thread_id: str) -> None:
        ran.append(thread_id)
        await run_sql(pool, "update thread set status = 'done' where id = %s", thread_id)
        if len(ran) == 3:
            stopped.set()

    working = asyncio.create_task(jobs.work(run, 2, stopped, lambda error: None))
    for name in ("t1", "t2", "t3"):
        await thread(pool, name)
        async with pool.connection() as connection:
            await jobs.enqueue(connection, name)
    await asyncio.wait_for(working, DEADLINE)
    assert sorted(ran) == ["t1", "t2", "t3"]
    for table in ("procrastinate_jobs", "procrastinate_events", "procrastinate_workers"):
        assert await run_sql(pool, f"select * from {table}") == []


async def test_a_worker_that_was_taken_for_dead_and_lost_its_connections_works_on(
    pool: Pool, jobs: PostgresJobs
) -> None:
    stopped, ran = asyncio.Event(), list[str]()

    async def run(thread_id: str) -> None:
        ran.append(thread_id)
        stopped.set()

    working = asyncio.create_task(jobs.work(run, 1, stopped, lambda error: None))
    await comes(pool, "select 1 from procrastinate_workers")
    await run_sql(pool, "delete from procrastinate_workers")
    await run_sql(
        pool,
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'autonomy-jobs' and datname = current_database()",
    )
    await comes(pool, "select 1 from procrastinate_workers")
    await thread(pool, "t1")
    async with pool.connection() as connection:
        await jobs.enqueue(connection, "t1")
    await asyncio.wait_for(working, DEADLINE)
    assert ran == ["t1"]


async def test_a_lease_is_not_taken_by_a_job_before_its_time(pool: Pool) -> None:
    await thread(pool, "t1", wake_at="2999-01-01")
    store = ThreadStore(pool)
    assert await store.take_lease(await store.get("t1"), "worker", due=True) is None
    assert await store.take_lease(await store.get("t1"), "command") is not None
    assert (await store.get("t1"))["wake_at"] is None


async def test_a_thread_handed_over_is_queued_with_a_job(pool: Pool) -> None:
    await new_thread(pool)
    store = ThreadStore(pool)
    lease = await leased(pool)
    assert await store.proceed(lease, draining=False) == lease
    assert await store.proceed(lease, draining=True) is None
    found = await store.get("t1")
    assert (found["status"], found["lease_owner"]) == ("queued", None)
    assert await waiting_jobs(pool) == ["t1"]
