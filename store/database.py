"""Connections and migrations. Nothing here knows what is stored."""

from __future__ import annotations

import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from psycopg_pool.base import AttemptWithBackoff

from core.errors import DatabaseTooNew, DatabaseUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

Connection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]

CONNECT_TIMEOUT: Final = 5
"""Seconds until a database that does not answer is called unavailable."""
_KEEPALIVE: Final = {
    "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}  # fmt: skip
"""Over TCP: about ten seconds until a machine that has vanished without a word is noticed."""
_SILENT_SECONDS: Final = 5
"""How long a session may be silent inside a transaction, which is as long as a lease lasts. A process that is stopped
there, with its machine or by a signal, would keep its locks from everybody who is to take over from it."""
_FIRST_TRY_SECONDS: Final = 0.1
_TRIES_APART: Final = 1.2
"""Each try to connect comes so many times later than the one before: a sixth of the outage is added to it at most."""
_MIGRATION_LOCK: Final = 7_223_001_204
"""Key of the advisory lock under which migrations run; any constant that nothing else uses."""


Given = TypeVar("Given", bound=AsyncConnection[Any])


class WorkingPool(AsyncConnectionPool[Given]):
    """Back soon after an outage; and says of a session that was silent inside a transaction for too long what it says
    of any lost connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # The library waits 1, 2, 4 … seconds between its tries, which makes an outage up to twice as long as it is.
        AttemptWithBackoff.INITIAL_DELAY, AttemptWithBackoff.DELAY_BACKOFF = _FIRST_TRY_SECONDS, _TRIES_APART
        super().__init__(*args, **kwargs)

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[Given]:  # noqa: ASYNC109 - the library's
        given = await self.getconn(timeout)
        try:
            async with given:
                yield given
        except psycopg.errors.IdleInTransactionSessionTimeout as error:
            raise psycopg.OperationalError(str(error)) from error
        finally:
            await self.putconn(given)


def session_options(url: str) -> str:
    """`options` of a connection: those of the URL, and the end of a session that is silent inside a transaction."""
    given = psycopg.conninfo.conninfo_to_dict(url).get("options") or ""
    return f"{given} -c idle_in_transaction_session_timeout={_SILENT_SECONDS}s".strip()


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
    """A pool of autocommit connections; one that was cut while it lay idle is not handed out."""
    pool: Pool = WorkingPool(
        url,
        connection_class=AsyncConnection[DictRow],
        min_size=1,
        max_size=size,
        timeout=CONNECT_TIMEOUT * 2,
        check=_refuse_cut,
        kwargs={
            "autocommit": True,
            "prepare_threshold": 0,
            "row_factory": dict_row,
            "connect_timeout": CONNECT_TIMEOUT,
            "application_name": "autonomy",
            "options": session_options(url),
            **_KEEPALIVE,
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


async def _refuse_cut(connection: Connection) -> None:
    """Raises OperationalError for a connection that the server has closed.

    An idle connection has nothing to say. A closed one has (the farewell, the end of the stream), and only then the
    server is asked: to ask each time would cost two empty transactions for every one that does something.
    """
    idle = select.poll()
    idle.register(connection.pgconn.socket, select.POLLIN)
    if idle.poll(0):
        await AsyncConnectionPool.check_connection(connection)


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
