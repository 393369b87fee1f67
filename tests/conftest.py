"""A real PostgreSQL for every test that asks: one embedded server, a fresh migrated database per test."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import stamina
from hypothesis import settings as hypothesis_settings
from psycopg import sql

from store import database, embedded

# Settings of the machine that runs the tests must not reach them.
for name in [name for name in os.environ if name.startswith(("AUTONOMY_", "OPENAI_", "SERPER_"))] + ["DATABASE_URL"]:
    os.environ.pop(name, None)

_ROOM = 4 << 30
"""Bytes of memory that must be free for a server's data: up to 1 GB of log, and the databases."""

# A busy machine is no reason for a property to fail.
hypothesis_settings.register_profile("patient", deadline=None)
hypothesis_settings.load_profile("patient")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Names what failed, for the Makefile. pytest's cache forgets a test whose process died once another has run it."""
    failed = [report.nodeid for kind in ("failed", "error") for report in terminalreporter.stats.get(kind, ())]
    folder = config.rootpath / ".pytest_cache"
    folder.mkdir(exist_ok=True)
    (folder / "failed").write_text("".join(f"{name}\n" for name in dict.fromkeys(failed)))


@pytest.fixture(scope="session", autouse=True)
def impatient() -> Iterator[None]:
    """What is tried again inside a run is tried again at once."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an embedded server that holds a migrated template."""
    home = tmp_path_factory.mktemp("pg")
    with _data_in_memory(home / "postgres"):
        url = embedded.start(home)
        _without_autovacuum(url)
        _create(url, "migrated")
        database.migrate(_named(url, "migrated"))
        yield url
        embedded.stop(home)


@pytest.fixture
def database_url(server: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _create(server, name, template="migrated")
    yield _named(server, name)
    _drop(server, name)


@pytest.fixture
def empty_database_url(server: str) -> Iterator[str]:
    """A database that nothing has been done to."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _create(server, name)
    yield _named(server, name)
    _drop(server, name)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[database.Pool]:
    async with database.open_pool(database_url) as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An AUTONOMY_HOME of the test's own."""
    return tmp_path / "home"


@contextmanager
def _data_in_memory(folder: Path) -> Iterator[None]:
    """Where there is room, `folder` is one in memory: a test's database is 300 new files, 100 ms of work on a disk.

    No test cuts the power, so nothing that one says of a kill depends on the disk.
    """
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < _ROOM:
        yield
        return
    data = Path(tempfile.mkdtemp(prefix="autonomy-tests-", dir=memory))
    try:
        folder.symlink_to(data)
        yield
    finally:
        shutil.rmtree(data)


def _without_autovacuum(url: str) -> None:
    """No test's database lives for long enough to need it, and what it commits would be counted with a test's own."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("alter system set autovacuum = off")
        connection.execute("select pg_reload_conf()")


def _create(url: str, name: str, template: str = "template1") -> None:
    statement = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _drop(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _named(url: str, name: str) -> str:
    return psycopg.conninfo.make_conninfo(url, dbname=name)
