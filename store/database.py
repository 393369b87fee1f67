"""Connections and migrations. Nothing here knows what is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from core.errors import DatabaseTooNew, DatabaseUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

Connection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

CONNECT_TIMEOUT: Final = 5
"""Seconds until a database that does not answer is called unavailable."""
_MIGRATION_LOCK: Final = 7_223_001_204
"""Key of the advisory lock under which migrations run; any constant that nothing else uses."""


def unavailable(url: str, error: Exception) -> DatabaseUnavailable:
    """The error a person sees when the database behind `url` does not answer. The password is left out."""
    info = psycopg.conninfo.conninfo_to_dict(url)
    where = f"{info.get('host', 'localhost')}:{info.get('port', 5432)}"
    cause = " ".join(str(error).split("\n\t")[0].split()) or type(error).__name__
    if password := str(info.get("password") or ""):
        cause = cause.replace(password, "…")
    if isinstance(error, psycopg.errors.DiskFull):
        return DatabaseUnavailable(
            f"The disk of the database at {where} is full. Threads are safe; make room, then resume."
        )
    return DatabaseUnavailable(
        f"The database at {where} does not answer ({cause}). Threads are safe; start it or fix DATABASE_URL."
    )


def checked_url(url: str) -> str:
    """`url`, if it can be read as a connection string. Raises DatabaseUnavailable otherwise."""
    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise DatabaseUnavailable(f"DATABASE_URL is not a PostgreSQL URL ({str(error).strip()}).") from None
    return url


@asynccontextmanager
async def open_pool(url: str, size: int = 8) -> AsyncIterator[Pool]:
    """A pool of autocommit connections that are checked before they are handed out."""
    pool: Pool = AsyncConnectionPool(
        url,
        connection_class=AsyncConnection[DictRow],
        min_size=1,
        max_size=size,
        timeout=CONNECT_TIMEOUT * 2,
        check=AsyncConnectionPool.check_connection,
        kwargs={
            "autocommit": True,
            "prepare_threshold": 0,
            "row_factory": dict_row,
            "connect_timeout": CONNECT_TIMEOUT,
            "application_name": "autonomy",
        },
        open=False,
    )
    try:
        await pool.open()
        yield pool
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise unavailable(url, error) from error
    finally:
        await pool.close()


def migrate(url: str) -> str:
    """Bring the database up to this code, one process at a time. Returns the revision it is at.

    Raises DatabaseTooNew when a later release has been here, DatabaseUnavailable when nobody answers.
    """
    found, head = revision(url)
    if found == head:
        return head
    import sqlalchemy  # only now: it and alembic take half a second to import

    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"select pg_advisory_xact_lock({_MIGRATION_LOCK})")
            _upgrade(connection)
    except sqlalchemy.exc.DBAPIError as error:
        cause = " ".join(str(error.orig).split())
        raise DatabaseUnavailable(
            f"The database cannot be brought to revision {head} ({cause}). Nothing was changed; give its user the "
            "right to create tables, or point DATABASE_URL at another database."
        ) from error
    finally:
        engine.dispose()
    return head


def _upgrade(connection: Any) -> None:
    """Under the lock: another process may have migrated while we waited for it, which alembic finds out."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def revision(url: str) -> tuple[str | None, str]:
    """(revision of the database or None when empty, revision of this code). Raises DatabaseTooNew."""
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT) as connection:
            found = _stored_revision(connection)
    except psycopg.OperationalError as error:
        raise unavailable(url, error) from error
    known = _known_revisions()
    if found is not None and found not in known:
        raise DatabaseTooNew(
            f"The database is at revision {found}, which this release does not know (it knows up to {known[-1]}). "
            "Install the release that migrated it, or point DATABASE_URL at another database."
        )
    return found, known[-1]


def _stored_revision(connection: psycopg.Connection[Any]) -> str | None:
    if connection.execute("select to_regclass('autonomy_version')").fetchone() == (None,):
        return None
    row = connection.execute("select version_num from autonomy_version").fetchone()
    return str(row[0]) if row else None


def _known_revisions() -> list[str]:
    """From the names of the migrations, which start with their revision; a test compares them with alembic's own."""
    names = [entry.name for entry in resources.files("migrations").joinpath("versions").iterdir()]
    return sorted(name.partition("_")[0] for name in names if name.endswith(".py") and name[0].isdigit())


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(resources.files("migrations")))
    return config
