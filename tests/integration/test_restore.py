"""A backup brings everything back: what waits goes on, and what was done is not done again."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from core.errors import AutonomyError, BadInput
from store import embedded
from store.backup import dump, restore
from store.database import migrate
from tests.integration.application import answered, opened, started
from tests.integration.commands import Commands, CommandsHere
from tests.integration.test_batches import wait_for
from tests.integration.test_external_server import BIN, postgres_15

__all__ = ["postgres_15"]


@pytest.fixture
def embedded_homes(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Two data folders; their servers are stopped afterwards."""
    homes = tmp_path / "first", tmp_path / "second"
    yield homes
    for home in homes:
        embedded.stop(home)


def select(url: str, statement: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


def database(server: str, name: str) -> str:
    """An empty database of that name on a server."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    return make_conninfo(server, dbname=name)


def carried_on(autonomy: Commands, review: str, then: str) -> None:
    """`review` can be decided on, leads to `then`, and no operation ran a second time because of it."""
    [waiting] = autonomy.read("inbox")
    assert waiting["review_id"] == review
    assert autonomy.read("decide", review, "approve")["review_id"] == then
    shown = autonomy.read("show", waiting["thread_id"])
    assert shown["chain_broken_at"] is None
    committed = [event["body"]["action"] for event in shown["events"] if event["kind"] == "commit"]
    assert committed == ["set_intent", "set_angle"]
    url = autonomy.environment.get("DATABASE_URL") or autonomy.read("db", "url")["url"]
    assert select(url, "select tool, state, attempt, fence from operation order by started_at") == [
        ("set_intent", "succeeded", 1, 1),
        ("set_angle", "succeeded", 1, 1),
    ]
    assert select(url, "select name, max(revision) from document group by 1 order by 1") == [
        ("angle", 1),
        ("intent", 1),
    ]


def test_an_embedded_database_is_backed_up_destroyed_and_restored_elsewhere(
    embedded_homes: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = (CommandsHere(home) for home in embedded_homes)
    here = CommandsHere(embedded_homes[0])
    assert here.read("run", "crm for startups")["review_id"] == "r-1"
    assert here.read("decide", "r-1", "approve")["review_id"] == "r-2"
    file = tmp_path / "night.dump"
    saved = first("db", "backup", str(file))
    assert saved.returncode == 0 and "Not in it" in saved.stdout, saved.stderr
    assert file.stat().st_mode & 0o077 == 0 and not list(tmp_path.glob("*.part"))
    assert first("db", "stop").returncode == 0
    shutil.rmtree(embedded_homes[0])

    restored = second("db", "restore", str(file))
    assert restored.returncode == 0 and "is restored; the" in restored.stdout, restored.stderr
    carried_on(CommandsHere(embedded_homes[1]), "r-2", "r-3")
    again = second("db", "restore", str(file))
    assert again.returncode == 2 and "The database is not empty" in again.stderr
    taken = second("db", "backup", str(file))
    assert taken.returncode == 2 and "exists; give the name of a new file" in taken.stderr


async def at_second_review(url: str, home: Path) -> None:
    async with opened(url, home) as app:
        await answered(app, await started(app))


LEFT_BEHIND = """
insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 hour');
insert into procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status, worker_id)
select 'threads', 'advance', id, null, json_build_object('thread_id', id)::jsonb, 'doing',
       (select max(id) from procrastinate_workers) from thread;
update thread set lease_owner = 'elsewhere:1', lease_until = now() + interval '2 seconds', epoch = epoch + 1;
"""
"""What a machine leaves in its database when it goes down in the middle of its work."""


def test_pg_dump_of_a_server_of_ones_own_with_jobs_and_workers_under_way(postgres_15: str, home: Path) -> None:
    url, file = database(postgres_15, "lost"), home.parent / "own.dump"
    home.parent.mkdir(parents=True, exist_ok=True)
    migrate(url)
    asyncio.run(at_second_review(url, home))
    with psycopg.connect(url) as connection:
        connection.execute(LEFT_BEHIND.encode())
    _run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={url}")
    with psycopg.connect(postgres_15, autocommit=True) as connection:
        connection.execute("drop database lost with (force)")
    new = database(postgres_15, "new")
    _run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={new}", str(file))
    assert select(new, "select count(*) from procrastinate_jobs where status = 'doing'") == [(1,)]
    autonomy = CommandsHere(home, DATABASE_URL=new)
    autonomy.read("decide", "r-2", "approve", "--no-wait")
    worker = autonomy.start("worker")
    try:
        wait_for(new, "select 1 from review where number = 3 and state = 'open'")
    finally:
        worker.kill()
        worker.wait()
    done = select(new, "select tool, attempt from operation order by started_at")
    assert done == [("set_intent", 1), ("set_angle", 1)]


def _run(command: str, *arguments: str) -> None:
    done = subprocess.run([str(BIN / command), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("origin", ["embedded", "own"])
def test_our_backup_of_either_server_fills_a_postgresql_15(
    postgres_15: str, server: str, database_url: str, home: Path, origin: str
) -> None:
    url = database_url if origin == "embedded" else database(postgres_15, "origin")
    migrate(url)
    asyncio.run(at_second_review(url, home))
    with psycopg.connect(url) as connection:
        connection.execute(LEFT_BEHIND.encode())
    file = home.parent / f"{origin}.dump"
    dump(url, file)
    new = database(postgres_15, f"from_{origin}")
    restore(new, file)
    assert select(new, "select count(*) from procrastinate_jobs") == [(0,)]
    assert migrate(new) == migrate(url)
    carried_on(CommandsHere(home, DATABASE_URL=new), "r-2", "r-3")


def test_what_cannot_be_restored_leaves_the_database_empty(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    whole, cut, other = tmp_path / "whole.dump", tmp_path / "cut.dump", tmp_path / "other.dump"
    dump(database_url, whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 9 // 10])
    other.write_text("select 1;")
    with pytest.raises(AutonomyError, match="The restore failed .+ as empty as before"):
        restore(empty_database_url, cut)
    with pytest.raises(BadInput, match="is not a backup; they are written by: autonomy db backup FILE"):
        restore(empty_database_url, other)
    assert select(empty_database_url, "select relname from pg_class where relnamespace = 'public'::regnamespace") == []
    restore(empty_database_url, whole)
    assert select(empty_database_url, "select version_num from autonomy_version") == select(
        database_url, "select version_num from autonomy_version"
    )
    with pytest.raises(BadInput, match="not empty, and a restore replaces nothing"):
        restore(database_url, whole)


def test_a_backup_that_fails_leaves_no_file_and_tells_no_password(empty_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(AutonomyError, match="does not answer") as refused:
        dump("postgresql://dana:hunter2@127.0.0.1:1/none", tmp_path / "x.dump")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(FileNotFoundError):
        dump(empty_database_url, tmp_path / "no such folder" / "x.dump")
    assert list(tmp_path.glob("*.dump*")) == []
