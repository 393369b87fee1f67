"""What the pages read: short queries over one pool, which writes only where a statement is said to."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import streamlit as st
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from core.canonical import storable_text
from core.errors import BadInput, NotFound
from core.events import ChainedEvent
from core.people import Approver, Person
from runtime.databases import database_url
from runtime.settings import Settings, read_settings
from store import database
from store.sql import query

Row = dict[str, Any]
LISTED: Final = 100
"""Rows of a list; one more is read to know whether there are more."""
WORKER_SECONDS: Final = 10.0
"""How long ago a worker may have been heard of to count as alive."""
_PATIENCE: Final = 2.0
"""Seconds to wait for a connection before the page says that the database does not answer."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the pages read from; shared by all sessions."""

    url: str
    pool: ConnectionPool[Connection[DictRow]]


def inbox(parameters: Mapping[str, Any]) -> list[Row]:
    """What waits for people, the most urgent first; see runtime/inbox.py for the parameters."""
    return _rows("inbox_page", **parameters)


@st.cache_data(ttl=10, show_spinner=False)
def facets() -> list[Row]:
    """How many wait of each sort, as of some seconds ago."""
    return _rows("inbox_facets")


def counts(person: str) -> tuple[int, int]:
    """(what waits, how much of it `person` has not opened)."""
    [row] = _rows("inbox_counts", person=person)
    return row["waiting"], row["waiting"] - row["read"]


def after(number: int, task_type: str, person: str) -> int | None:
    """The next review of that task type that nobody else has."""
    rows = _rows("inbox_next", number=number, task_type=task_type, person=person)
    return rows[0]["number"] if rows else None


def pulse(number: int) -> Row:
    """What may change about a review while it is looked at. Raises NotFound."""
    if not (found := _rows("review_pulse", number=number)):
        raise NotFound(f"There is no review r-{number} in this database.")
    return found[0]


def before(review: Mapping[str, Any]) -> Row | None:
    """The proposal before this one, of the same task type in the same thread."""
    rows = _rows("review_before", **{name: review[name] for name in ("thread_id", "task_type", "number")})
    return rows[0] if rows else None


def facts(review: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The facts over which policy decided, which stay as they are; None for what never reached the rules."""
    return _facts(review["thread_id"], review["request"].get("proposal_id", ""))


@st.cache_data(max_entries=200, show_spinner=False)
def _facts(thread_id: str, proposal: str) -> Mapping[str, Any] | None:
    rows = _rows("event_of_policy", id=thread_id, proposal=proposal)
    return rows[0]["body"].get("facts") if rows else None


def draft(person: str, number: int) -> Mapping[str, Any]:
    """What `person` has typed and not sent."""
    rows = _rows("draft_get", person=person, number=number)
    return rows[0]["typed"] if rows else {}


def since(review: Mapping[str, Any]) -> list[ChainedEvent]:
    """What the thread did after a review was opened."""
    rows = _rows("event_list_since", id=review["thread_id"], since=review["opened_at"])
    return [ChainedEvent(event_class=row.pop("class"), **row) for row in rows]


def approver(person: Person, tenant: str, thread_id: str = "", of: str = "") -> Approver:
    """What is known of a person: their role for that tenant, and whether the action with the hash `of` is an edit."""
    [row] = _rows("role_of", person=person.name, tenant=tenant, thread=thread_id, hash=of)
    return Approver(person.name, person.verified, **row)


def workers() -> int:
    """How many workers are alive."""
    return int(_rows("workers_alive", seconds=WORKER_SECONDS)[0]["alive"])


def review(number: int) -> Row:
    """A review with its thread's subject and status. Raises NotFound."""
    if not (found := _rows("review_get", number=number)):
        raise NotFound(f"There is no review r-{number} in this database.")
    return found[0]


def threads() -> list[Row]:
    """Newest first; at most LISTED + 1 rows."""
    return _rows("thread_list", status=None, limit=LISTED + 1)


def thread(prefix: str) -> Row:
    """The one thread whose id starts so. Raises NotFound, or BadInput when several do."""
    found = _rows("thread_by_prefix", prefix=storable_text(prefix))
    if not prefix or not found:
        raise NotFound(f"There is no thread “{prefix[:40]}” in this database.")
    if len(found) > 1:
        raise BadInput(f"More than one thread starts with “{prefix[:40]}”; give more of its id.")
    return found[0]


def timeline(thread_id: str) -> list[ChainedEvent]:
    """All events of a thread in order."""
    return [ChainedEvent(event_class=row.pop("class"), **row) for row in _rows("event_list", id=thread_id)]


def open_reviews(thread_id: str) -> list[Row]:
    """What of a thread waits for a person."""
    return [row for row in _rows("review_waiting", id=thread_id) if row["state"] == "open"]


def artifacts(tenant: str, sha256s: Sequence[str]) -> dict[str, str]:
    """A tenant's contents by their hashes; what is not there is left out."""
    return {row["sha256"]: row["content"] for row in _rows("artifact_read", tenant=tenant, sha256s=list(sha256s))}


_opened: Final = deque[Source](maxlen=16)
"""Kept for a while, closed or not: no thread of a pool must be the last to let go of it."""


def reconnect() -> None:
    """Forget the pool, so that the next query starts with the settings and a database that may be back."""
    settings.clear()
    _source.clear()


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    return read_settings()


def change(name: str, **given: object) -> list[Row]:
    """Execute a named statement that changes something. Raises DatabaseUnavailable."""
    return _rows(name, writing=True, **given)


def _rows(name: str, *, writing: bool = False, **given: object) -> list[Row]:
    """The rows of a named query. Raises DatabaseUnavailable with the cause."""
    source = _source()
    try:
        with source.pool.connection() as connection:
            if not writing:
                return connection.execute(query(name), given).fetchall()
            with connection.transaction():
                connection.execute("set transaction read write")
                cursor = connection.execute(query(name), given)
                return cursor.fetchall() if cursor.description else []
    except PoolClosed:  # by another session, after an outage: nothing was sent
        return _rows(name, writing=writing, **given)
    except (psycopg.OperationalError, PoolTimeout) as error:
        _source.clear()  # the next query finds out at once whether it is back, instead of waiting for the pool to try
        database.revision(source.url)  # raises with the cause, which a pool's timeout does not tell
        raise database.unavailable(source.url, error) from error


def _close(source: Source) -> None:
    source.pool.close(timeout=0)


@st.cache_resource(show_spinner=False, on_release=_close)
def _source() -> Source:
    url = database_url(settings())
    database.migrate(url)
    pool = ConnectionPool(
        url,
        connection_class=Connection[DictRow],
        min_size=1,
        max_size=4,
        timeout=_PATIENCE,
        check=ConnectionPool.check_connection,
        configure=_only_read,
        kwargs={
            "autocommit": True,
            "prepare_threshold": 0,
            "row_factory": dict_row,
            "connect_timeout": database.CONNECT_TIMEOUT,
            "application_name": "autonomy console",
        },
        open=True,
    )
    _opened.append(source := Source(url, pool))
    return source


def _only_read(connection: Connection[DictRow]) -> None:
    connection.execute("set default_transaction_read_only to on")
