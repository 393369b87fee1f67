"""Private PostgreSQL servers for one measurement: a plain one, and one on which a commit takes at least 1 ms."""

from __future__ import annotations

import atexit
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import psycopg

from store import database, embedded

SLOW: Final = 0.001
"""Seconds that a commit takes at least on the slow server."""
_COMMITS: Final = 200


class NoSlowServerError(Exception):
    """A server with slow commits cannot be made on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """A migrated server that ends with its context. `commit` is the median seconds of a one-row transaction."""

    url: str
    home: Path
    version: str
    commit: float

    @property
    def described(self) -> str:
        return f"embedded PostgreSQL {self.version}, a commit of one row takes {self.commit * 1000:.2f} ms"


@contextmanager
def plain() -> Iterator[Server]:
    """The server that comes along, as it comes."""
    with _folder() as home, _running(home) as server:
        yield server


@contextmanager
def slow() -> Iterator[Server]:
    """The same with 1 ms more in every flush to disk. Raises NoSlowServerError."""
    with _folder() as home:
        library = _compiled(home)
        embedded.start(home)  # made at full speed; only what runs from here on is slow
        embedded.stop(home)
        with _running(home, library) as server:
            if server.commit < SLOW:
                raise NoSlowServerError(f"the library did not take effect: a commit took {server.commit * 1000:.2f} ms")
            yield server


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        home = Path(folder)
        _left_behind().append(home)
        home.chmod(0o755)  # the server runs as another user when this one is root
        yield home


@cache
def _left_behind() -> list[Path]:
    """Folders that are removed once more when this process ends: after the server's library, which makes them anew."""
    folders: list[Path] = []

    @atexit.register
    def remove() -> None:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    return folders


@contextmanager
def _running(home: Path, preloaded: Path | None = None) -> Iterator[Server]:
    with _preload(preloaded):
        url = embedded.start(home)
    try:
        database.migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            version = "{}.{}".format(*divmod(connection.info.server_version, 10_000))
            commit = _commit_seconds(connection)
        yield Server(url, home, version, commit)
    finally:
        embedded.stop(home)


def _commit_seconds(connection: psycopg.Connection[tuple[object, ...]]) -> float:
    connection.execute("create table commit_of_one_row (at timestamptz)")
    taken = []
    for _ in range(_COMMITS):
        started = time.perf_counter()
        connection.execute("insert into commit_of_one_row values (now())")
        taken.append(time.perf_counter() - started)
    connection.execute("drop table commit_of_one_row")
    return statistics.median(taken)


def _compiled(folder: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoSlowServerError("there is no C compiler (cc) on this machine")
    source, library = Path(__file__).with_name("slow_fsync.c"), folder / "slow_fsync.so"
    made = subprocess.run(  # noqa: S603  our own file and the system's compiler
        [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        raise NoSlowServerError(f"slow_fsync.c does not compile: {made.stderr.strip()[:200]}")
    return library


@contextmanager
def _preload(library: Path | None) -> Iterator[None]:
    """Every process started inside preloads `library`; one that runs already does not."""
    if library is None:
        yield
        return
    before = os.environ.get("LD_PRELOAD")
    os.environ["LD_PRELOAD"] = f"{library}:{before}" if before else str(library)
    try:
        yield
    finally:
        del os.environ["LD_PRELOAD"]
        if before:
            os.environ["LD_PRELOAD"] = before
