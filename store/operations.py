"""Rows of operations: one move of the table at a time, each with its line of history; and reading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Json

from core.canonical import sha256, storable
from core.errors import BadInput, NotFound, StaleDecision
from core.events import AGENT, Event
from core.operations import ANOTHER_ATTEMPT, FENCED, OperationMove, Resolution, moved
from core.vocabulary import Attempt, OperationState
from store.artifacts import PostgresArtifacts
from store.database import Connection, Pool
from store.events import append, lock_thread
from store.spending import settle
from store.sql import query

KEY_SHOWN = 16
"""Characters of a key in an event: enough to find the operation by."""


@dataclass(frozen=True, slots=True)
class Place:
    """One attempt of one revision, as whoever moves it believes it to be."""

    key: str
    revision: int
    fence: int
    attempt: int
    state: OperationState


@dataclass(frozen=True, slots=True)
class Said:
    """What a move leaves in the history and in the thread's events."""

    said: Attempt
    thread_id: str
    actor: str = AGENT
    message: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a move has led, and the event that says so; the caller appends it, once for a whole transaction."""

    place: Place
    events: tuple[Event, ...]


async def move(
    connection: Connection,
    place: Place,
    by: OperationMove,
    said: Said | None = None,
    outcome: Mapping[str, Any] | None = None,
) -> Moved | None:
    """Make a move, and write it down unless the next line says it too; None when somebody else was first.

    `outcome`: results and summary, or failure.
    """
    state, told = moved(place.state, by), outcome or {}
    row = {
        "key": place.key,
        "revision": place.revision,
        "fence": place.fence,
        "attempt": place.attempt,
        "was": place.state,
        "state": state,
        "fenced": int(by in FENCED),
        "again": int(by in ANOTHER_ATTEMPT),
        "results": _json(told.get("results")),
        "summary": storable(told.get("summary")),
        "failure": _json(told.get("failure")),
    }
    found = await (await connection.execute(query("operation_move"), row)).fetchone()
    if found is None:
        return None
    await settle(connection, holder_of(place.key, place.revision), by, never_sent=bool(told.get("never_sent")))
    now = Place(place.key, place.revision, found["fence"], found["attempt"], state)
    if said is None:
        return Moved(now, ())
    # What ends one attempt is written down under its number, although the row already counts the next one.
    of = place if by in ANOTHER_ATTEMPT else now
    return Moved(now, (await write_down(connection, of, said, found["tool"], found["proposal_id"]),))


def holder_of(key: str, revision: int) -> str:
    """Under what an operation's share of the budgets is held."""
    return f"{key} {revision}"


async def write_down(connection: Connection, place: Place, said: Said, tool: str, proposal_id: str) -> Event:
    """A line of history; returns the event that says the same in the thread's chain."""
    message = storable(said.message)
    detail = {"message": message} if message else {}
    row = {
        "key": place.key,
        "revision": place.revision,
        "thread_id": said.thread_id,
        "fence": place.fence,
        "attempt": place.attempt,
        "said": said.said,
        "actor": said.actor,
        "detail": _json(detail or None),
    }
    await connection.execute(query("operation_say"), row)
    body = {
        "action": tool,
        "proposal": proposal_id,
        "key": place.key[:KEY_SHOWN],
        "revision": place.revision,
        "said": said.said,
        "attempt": place.attempt,
        "fence": place.fence,
        **detail,
    }
    return Event("tool_attempt", said.actor, body)


async def resolve(
    connection: Connection, artifacts: PostgresArtifacts, tenant: str, thread_id: str, word: Resolution
) -> tuple[Event, ...]:
    """A person's word, inside the transaction of their decision. Raises StaleDecision when it has moved on."""
    place = Place(word.key, word.revision, word.fence, word.attempt, "unknown")
    said = Said("abandoned" if word.answer == "abandon" else word.answer, thread_id, word.by, word.message)
    done = await move(connection, place, word.answer, said, await _outcome(artifacts, tenant, word))
    if done is None:
        raise StaleDecision(
            f"The operation {word.key[:KEY_SHOWN]} has moved on since you were asked. "
            f"See: autonomy operations show {word.key[:KEY_SHOWN]}"
        )
    return done.events


@dataclass(frozen=True, slots=True)
class ByHand:
    """An effect that a person brought about instead of the tool. `results`: name -> Ref as JSON."""

    key: str
    tool: str
    proposal_id: str
    arguments: Mapping[str, Any]
    results: Mapping[str, Any]
    by: str


async def done_by_hand(connection: Connection, tenant: str, thread_id: str, done: ByHand) -> tuple[Event, ...]:
    """Record it as done, inside the caller's transaction, so that no thread does it again."""
    row = {
        "key": done.key,
        "tenant": tenant,
        "thread_id": thread_id,
        "tool": done.tool,
        "proposal_id": done.proposal_id,
        "request_hash": sha256(dict(done.arguments)),
        "results": _json(dict(done.results)),
        "summary": f"{done.by} did it by hand",
    }
    found = await (await connection.execute(query("operation_by_hand"), row)).fetchone()
    if found is None:
        return ()
    place = Place(done.key, 1, found["fence"], found["attempt"], "succeeded")
    return (await write_down(connection, place, Said("happened", thread_id, done.by), done.tool, done.proposal_id),)


async def _outcome(artifacts: PostgresArtifacts, tenant: str, word: Resolution) -> dict[str, Any]:
    if word.answer == "did_not_happen":
        return {}
    if word.answer == "abandon":
        said = f": {word.message}" if word.message else ""
        message = f"{word.by} gave it up{said}. Whether it took effect is not known, so it is not tried again."
        return {"failure": {"class": "tool_refused", "message": message, "given_up": True}}
    ref = await artifacts.put(tenant, word.result, "application/json", f"said by {word.by}", "person")
    return {"results": {word.produces: ref.to_json()}, "summary": f"{word.by} says it happened"}


class OperationStore:
    """Operations over a pool, for people."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def newest(self, state: OperationState | None, limit: int) -> Sequence[dict[str, Any]]:
        """The revision in force of each operation."""
        async with self._pool.connection() as connection:
            return await (
                await connection.execute(query("operation_list"), {"state": state, "limit": limit})
            ).fetchall()

    async def find(self, prefix: str) -> Sequence[dict[str, Any]]:
        """All revisions of the one key that begins so. Raises NotFound, or BadInput when several do."""
        async with self._pool.connection() as connection:
            key = await _key(connection, prefix)
            return await (await connection.execute(query("operation_revisions"), {"key": key})).fetchall()

    async def history(self, key: str) -> Sequence[dict[str, Any]]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query("operation_history"), {"key": key})).fetchall()

    async def revise(self, prefix: str, person: str, message: str) -> int:
        """Open the next revision, under which one new request may run; returns its number.

        Raises NotFound, or BadInput for an operation that is not over.
        """
        last = (await self.find(prefix))[-1]
        async with self._pool.connection() as connection, connection.transaction():
            thread = await lock_thread(connection, last["thread_id"])
            await connection.execute(query("operation_lock"), {"key": last["key"]})
            opened = await (await connection.execute(query("operation_revise"), last)).fetchone()
            if opened is None:
                raise BadInput(
                    f"The operation {last['key'][:KEY_SHOWN]} is {last['state']}; only one that is over can be opened "
                    f"again. See: autonomy operations show {last['key'][:KEY_SHOWN]}"
                )
            place = Place(last["key"], opened["revision"], opened["fence"], opened["attempt"], "started")
            said = Said("revised", last["thread_id"], person, message)
            event = await write_down(connection, place, said, opened["tool"], opened["proposal_id"])
            await append(connection, thread, [event])
            return place.revision


async def _key(connection: Connection, prefix: str) -> str:
    wanted = storable(prefix.strip())
    rows = (
        await (await connection.execute(query("operation_by_prefix"), {"prefix": wanted})).fetchall() if wanted else []
    )
    if not rows:
        raise NotFound(f"There is no operation {wanted[:40]!r}. See: autonomy operations")
    if len(rows) > 1:
        raise BadInput(f"More than one operation begins with {wanted!r}; give more of its key.")
    return str(rows[0]["key"])


def _json(value: Any) -> Json | None:
    return None if value is None else Json(storable(value))
