"""What was changed in the database behind the application's back is found, and where."""

from __future__ import annotations

from pathlib import Path
from typing import LiteralString

import pytest

from cli import verify as command
from core.errors import BadInput, NotFound
from runtime import batches, seo
from store.database import Pool
from store.verification import Verified, verify
from tests.integration.application import answered, opened, started
from tests.integration.threads import leased, new_thread


async def tampered(pool: Pool, statement: LiteralString) -> Verified:
    async with pool.connection() as connection:
        await connection.execute("set session_replication_role = replica")  # as the owner of the database can
        await connection.execute(statement)
        await connection.execute("set session_replication_role = default")
    return await verify(pool, None)


async def test_a_thread_that_ran_holds_and_each_way_of_tampering_is_named(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        await answered(app, thread_id)
        clean = await verify(app.pool, None)
        assert clean.threads == 1
        assert clean.events == len(await app.threads.timeline(thread_id))
        assert clean.breaks == ()
        for statement, where in (
            ('update event set body = \'{"what":"nothing"}\' where seq = 4', [4]),
            ("delete from event where seq = 7", [4, 7]),
            ("delete from event where seq > (select max(seq) - 2 from event)", [4, 7, clean.events - 1]),
            ("update thread set task = '{}'", [1, 4, 7, clean.events - 1]),
        ):
            found = await tampered(app.pool, statement)
            assert sorted(place.seq for place in found.breaks) == where
            assert {place.thread_id for place in found.breaks} == {thread_id}


async def test_one_broken_chain_among_several_is_told_from_the_others(pool: Pool) -> None:
    for name in ("t1", "t2", "t3"):
        await new_thread(pool, name)
        await leased(pool, name)
    found = await tampered(pool, "update event set actor = 'someone else' where thread_id = 't2' and seq = 2")
    assert [(place.thread_id, place.seq) for place in found.breaks] == [("t2", 2)]
    assert (found.threads, found.events) == (3, 6)
    assert (await verify(pool, "t1")).breaks == ()
    assert (await tampered(pool, "delete from event where thread_id = 't3'")).broken == 2


async def test_the_threads_of_a_batch_hold_too(database_url: str, home: Path, tmp_path: Path) -> None:
    keywords = tmp_path / "keywords.csv"
    keywords.write_text("keyword\ncrm for startups\nkanban vs scrum\n")
    async with opened(database_url, home) as app:
        asked = batches.Asked(keywords, seo.bundled_profile(), "en-US", False, "sam")
        await batches.add(app, asked, batches.Intake(), lambda _: None)
        found = await verify(app.pool, None)
    assert (found.threads, found.breaks) == (2, ())


async def test_the_command_says_where_and_ends_with_1(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("AUTONOMY_HOME", str(home))
    async with opened(database_url, home) as app:
        await new_thread(app.pool)
        await leased(app.pool)
        assert await command.verify("t1", every=False, json=False) == 0
        assert "1 thread, 2 events: every chain holds." in capsys.readouterr().out
        await tampered(app.pool, "update event set actor = 'someone else' where seq = 2")
    assert await command.verify(None, every=True, json=False) == 1
    assert "thread t1: #2 (lease_taken) was changed." in capsys.readouterr().out
    with pytest.raises(NotFound):
        await command.verify("nope", every=False, json=False)
    with pytest.raises(BadInput):
        await command.verify(None, every=False, json=False)
