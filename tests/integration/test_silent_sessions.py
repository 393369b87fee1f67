"""A process that is stopped inside a transaction does not keep its locks from those who take over."""

from __future__ import annotations

import psycopg
import pytest

from store import database
from store.database import Pool
from store.job_loop import JobLoop


async def gone(url: str, pid: int) -> None:
    """Until the server has ended the session `pid`."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as watcher:
        while await (await watcher.execute("select 1 from pg_stat_activity where pid = %s", (pid,))).fetchone():
            pass


async def test_a_session_that_is_silent_inside_a_transaction_is_lost_like_any_other(
    pool: Pool, database_url: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match="idle-in-transaction"):
        async with pool.connection() as connection, connection.transaction():
            # Long enough for this answer to be read alone: a farewell that came with it would be taken for a notice.
            await connection.execute("set idle_in_transaction_session_timeout = '200ms'")
            await gone(database_url, connection.info.backend_pid)
            await connection.execute("select 1")
    async with pool.connection() as connection:
        assert await (await connection.execute("select 1 as one")).fetchone() == {"one": 1}


async def test_every_session_is_given_as_long_as_a_lease_lasts(pool: Pool) -> None:
    async with pool.connection() as connection:
        shown = await (await connection.execute("show idle_in_transaction_session_timeout")).fetchone()
    assert shown == {"idle_in_transaction_session_timeout": "5s"}


async def test_so_are_those_of_the_queue(database_url: str) -> None:
    loop = JobLoop(database_url, run=None, concurrency=1, outage=None)  # type: ignore[arg-type]
    async with loop._pool as pool, pool.connection() as connection:
        shown = await (await connection.execute("show idle_in_transaction_session_timeout")).fetchone()
    assert shown == ("5s",)


def test_options_of_the_url_are_kept() -> None:
    url = "postgresql://localhost/x?options=-c%20search_path%3Dours"
    assert database.session_options(url) == "-c search_path=ours -c idle_in_transaction_session_timeout=5s"
