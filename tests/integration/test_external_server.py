"""A server of one's own: Debian's PostgreSQL 15, on a TCP port, with a password."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.integration.commands import Commands, CommandsHere

BIN = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="module")
def postgres_15() -> Iterator[str]:
    """URL of a fresh PostgreSQL 15."""
    if not (BIN / "initdb").exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Debian's postgresql-15 is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg15-"))
    password = folder / "password"
    password.write_text("s3cret word")
    owner = _owner(folder)
    data = folder / "data"
    _run(owner, "initdb", "-D", str(data), "-U", "autonomy", "--auth=scram-sha-256", f"--pwfile={password}")
    port = _free_port()
    _run(owner, "pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", f"-p {port} -k {folder}", "start")
    try:
        yield f"postgresql://autonomy:s3cret%20word@127.0.0.1:{port}/postgres"
    finally:
        _run(owner, "pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder)


def test_the_main_job_runs_on_postgresql_15(postgres_15: str, home: Path) -> None:
    done = Commands(home, DATABASE_URL=postgres_15)("run", "crm for startups")
    assert done.returncode == 0, done.stderr
    assert "PostgreSQL 15" in done.stdout and "DATABASE_URL" in done.stdout
    autonomy = CommandsHere(home, DATABASE_URL=postgres_15)
    assert autonomy.read("decide", "r-1", "approve")["review_id"] == "r-2"
    assert not (home / "postgres").exists()
    with psycopg.connect(postgres_15) as connection:
        row = connection.execute("select count(*) from event").fetchone()
    assert row is not None and row[0] > 10
    wrong = autonomy("inbox", DATABASE_URL=postgres_15.replace("s3cret", "wr0ng"))
    assert wrong.returncode == 1 and "does not answer" in wrong.stderr and "wr0ng" not in wrong.stderr


def _owner(folder: Path) -> str | None:
    """PostgreSQL refuses root; there it runs as Debian's own user."""
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("postgres")
    for path in (folder, *folder.iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)
    return "postgres"


def _run(owner: str | None, command: str, *arguments: str) -> None:
    # Not captured by a pipe: pg_ctl's server would inherit it and keep it open.
    subprocess.run(
        [str(BIN / command), *arguments], user=owner, check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
