"""Reviews: what waits for people, and the one transaction in which a decision is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg.types.json import Json

from core.errors import AlreadyDecided, NotFound, StaleDecision
from core.events import Event
from core.lifecycle import after
from core.operations import Resolution
from core.people import Approver
from core.ports import Past
from core.vocabulary import Answer, Verdict
from store.artifacts import PostgresArtifacts
from store.database import Connection, Pool
from store.events import append, lock_thread
from store.jobs import enqueue
from store.memory import settle
from store.operations import ByHand, done_by_hand, resolve
from store.outcomes import Earning, Word, decided
from store.secrets import Sealed
from store.secrets import store as store_secret
from store.spending import grant
from store.sql import query
from store.stopping import ask_to_stop
from store.threads import RESERVED_SECONDS

HISTORY: Final = 500
"""Decisions that the history of a task type looks back on: enough for a rate, and soon read however many there are."""
ALIKE: Final = 20
"""Decisions that count of those on the tasks most like one, the most like it first."""
VERDICTS: Final[Mapping[str, Verdict]] = {"approve": "right", "edit": "unclear", "reject": "wrong"}
"""What an answer says of the agent's own proposal when the person gives no verdict: an edit need not mean that it was
wrong, but does not count as right either."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided. `decided_hash` is what may run because of it; None when nothing may."""

    answer: Answer
    by: str
    verified: bool
    payload: Mapping[str, Any]
    decided_hash: str | None
    changed: bool
    operation: Resolution | None = None
    """What it says about an operation whose effect is unknown."""
    secrets: tuple[Sealed, ...] = ()
    """What was entered for the tool that was in the way."""
    by_hand: ByHand | None = None
    """What the person did instead of the tool."""
    word: Word | None = None
    """What the person says of the proposal as the agent made it; None: VERDICTS."""
    diff: Sequence[Mapping[str, Any]] | None = None
    """What was edited, see core/diffs.py."""
    origin: str = ""
    """From where it was given, in words."""


class ReviewStore:
    """Reviews over a pool. Implements core.ports.Approvals and core.ports.History."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def get(self, number: int) -> dict[str, Any]:
        """A review with its thread's subject, status and requester. Raises NotFound."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(query("review_get"), {"number": number})).fetchone()
        if row is None:
            raise NotFound(f"There is no review r-{number}. See: autonomy inbox")
        return row

    async def inbox(self, tenant: str | None, limit: int) -> Sequence[dict[str, Any]]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query("review_inbox"), {"tenant": tenant, "limit": limit})
            return await cursor.fetchall()

    async def waiting(self, thread_id: str) -> Sequence[dict[str, Any]]:
        """Open and decided reviews of a thread that no run has taken up yet."""
        async with self._pool.connection() as connection:
            return await (await connection.execute(query("review_waiting"), {"id": thread_id})).fetchall()

    async def of_thread(self, thread_id: str) -> Sequence[dict[str, Any]]:
        """Every review of a thread, in the order in which it was asked."""
        async with self._pool.connection() as connection:
            return await (await connection.execute(query("review_of_thread"), {"id": thread_id})).fetchall()

    async def decide(
        self,
        review: Mapping[str, Any],
        decision: Decision,
        *,
        reserved: bool = False,
        undo_seconds: float | None = None,
    ) -> None:
        """Take the decision, once, and enqueue its thread; a `reserved` one the caller runs on himself.

        With `undo_seconds` it takes effect that much later, and can be taken back until then.

        Raises AlreadyDecided naming who won, or StaleDecision.
        """
        async with self._pool.connection() as connection, connection.transaction():
            thread = await lock_thread(connection, review["thread_id"])
            if not await _compare_and_set(connection, review["number"], decision):
                await _refuse(connection, review["number"])
            word = decision.word or Word(VERDICTS.get(decision.answer, "unclear"))
            moved: tuple[Event, ...] = ()
            if decision.answer in VERDICTS and not review["fork"]:
                moved = await _record_outcome(connection, review, decision, word)
            body: dict[str, Any] = {
                "review": review["number"],
                "answer": decision.answer,
                "verified": decision.verified,
                "action_hash": review["action_hash"],
                "decided_hash": decision.decided_hash,
                "from": decision.origin,
            }
            if decision.answer in VERDICTS:
                body |= {"verdict": word.verdict, "reason": word.reason}
            if review["kind"] == "conflict":
                await settle(connection, review, str(decision.payload["message"]), decision.by)
            said = await self._resolved(connection, review, decision)
            for secret in decision.secrets:
                await store_secret(connection, secret)
            if decision.answer == "hand_back":
                await grant(connection, review["request"].get("limits", ()))
            status = after("taken_over", "hand_back") if thread["status"] == "taken_over" else None
            await append(connection, thread, [Event("review_decided", decision.by, body), *said, *moved], status=status)
            seconds = undo_seconds or (RESERVED_SECONDS if reserved else None)
            await connection.execute(query("thread_wake"), {"id": review["thread_id"], "reserved": seconds})
            if undo_seconds:  # the sweep takes it up when it is due
                await connection.execute(query("review_delay"), {"number": review["number"], "seconds": undo_seconds})
            elif not reserved:
                await enqueue(connection, review["thread_id"])

    async def take_over(self, review: Mapping[str, Any], by: str, *, verified: bool) -> None:
        """Keep an open review, and its thread, for one person. Raises StaleDecision, or AlreadyDecided."""
        async with self._pool.connection() as connection, connection.transaction():
            thread = await lock_thread(connection, review["thread_id"])
            taken = await connection.execute(query("review_take_over"), {"number": review["number"], "by": by})
            if taken.rowcount != 1:
                await _refuse(connection, review["number"])
            body = {
                "review": review["number"],
                "answer": "take_over",
                "verified": verified,
                "action_hash": review["action_hash"],
                "decided_hash": None,
            }
            status = after(thread["status"], "take_over")
            await append(connection, thread, [Event("review_decided", by, body)], status=status)

    async def undo(self, review: Mapping[str, Any], by: str) -> None:
        """Take back what `by` decided, while it has not taken effect. Raises StaleDecision when it is too late."""
        async with self._pool.connection() as connection, connection.transaction():
            thread = await lock_thread(connection, review["thread_id"])
            number = review["number"]
            if (await connection.execute(query("review_undo"), {"number": number, "by": by})).rowcount != 1:
                raise StaleDecision(
                    f"Review r-{number} cannot be taken back: there is no decision of {by} on it that still waits."
                )
            await connection.execute(query("outcome_undo"), {"review": number})
            await connection.execute(query("thread_unschedule"), {"id": review["thread_id"]})
            await append(connection, thread, [Event("review_undone", by, {"review": number})])

    async def expire(self, hours: float, most: int = 100) -> list[int]:
        """End reviews that nobody decided in so many hours, and their threads with them; the reviews' numbers."""
        async with self._pool.connection() as connection:
            late = {"hours": hours, "limit": most}
            rows = await (await connection.execute(query("review_overdue"), late)).fetchall()
            return [row["number"] for row in rows if await _expire(connection, row, hours)]

    async def _resolved(
        self, connection: Connection, review: Mapping[str, Any], decision: Decision
    ) -> tuple[Event, ...]:
        """The operation's share of a decision. Raises StaleDecision, and then nothing is decided."""
        if decision.by_hand is not None:
            return await done_by_hand(connection, review["tenant"], review["thread_id"], decision.by_hand)
        if decision.operation is None:
            return ()
        artifacts = PostgresArtifacts(self._pool, connection)
        return await resolve(connection, artifacts, review["tenant"], review["thread_id"], decision.operation)

    async def approver(self, thread_id: str, proposal_hash: str) -> Approver | None:
        async with self._pool.connection() as connection:
            proof = {"id": thread_id, "hash": proposal_hash}
            row = await (await connection.execute(query("review_approver"), proof)).fetchone()
        return None if row is None else Approver(**row)

    async def judged(self, thread_id: str, proposal_hash: str) -> dict[str, Any] | None:
        """The facts over which policy decided last on exactly this proposal; None when it never did."""
        async with self._pool.connection() as connection:
            asked = {"id": thread_id, "hash": proposal_hash}
            row = await (await connection.execute(query("event_facts"), asked)).fetchone()
        return None if row is None else row["facts"]

    async def changed(self, tenant: str, task_type: str, nearest: Sequence[str] = ()) -> Past:
        asked = {"tenant": tenant, "task_type": task_type, "nearest": list(nearest)}
        name, window = ("outcome_history_alike", ALIKE) if nearest else ("outcome_history", HISTORY)
        async with self._pool.connection() as connection:
            row = await (await connection.execute(query(name), {**asked, "window": window})).fetchone()
        return Past(row["changed"], row["decided"], bool(nearest)) if row else Past(0, 0)


async def _expire(connection: Connection, review: Mapping[str, Any], hours: float) -> bool:
    """Closed, not open: what nobody approved does not run. False when somebody decided meanwhile."""
    async with connection.transaction():
        await lock_thread(connection, review["thread_id"])
        if (await connection.execute(query("review_expire"), {"number": review["number"]})).rowcount != 1:
            return False
        why = f"nobody decided on review r-{review['number']} within {hours:g} h"
        await ask_to_stop(connection, review["thread_id"], "runtime", why)
    return True


async def _compare_and_set(connection: Connection, number: int, decision: Decision) -> bool:
    row = {
        "number": number,
        "answer": decision.answer,
        "decision": Json(decision.payload),
        "decided_hash": decision.decided_hash,
        "by": decision.by,
        "verified": decision.verified,
    }
    return (await connection.execute(query("review_decide"), row)).rowcount == 1


async def _refuse(connection: Connection, number: int) -> None:
    row = await (await connection.execute(query("review_lock"), {"number": number})).fetchone()
    if row is not None and row["state"] in ("decided", "released"):
        when = f"{row['decided_at']:%Y-%m-%d %H:%M:%S} UTC"
        raise AlreadyDecided(
            f"Review r-{number} was already decided: {row['answer']}, by {row['decided_by']} at {when}."
        )
    if row is not None and row["taken_over_by"]:
        when = f"{row['taken_over_at']:%Y-%m-%d %H:%M:%S} UTC"
        raise AlreadyDecided(f"Review r-{number} was taken over by {row['taken_over_by']} at {when}.")
    state = row["state"] if row else "gone"
    raise StaleDecision(f"Review r-{number} is {state}; the thread has moved on. See: autonomy inbox")


async def _record_outcome(
    connection: Connection, review: Mapping[str, Any], decision: Decision, word: Word
) -> tuple[Event, ...]:
    request = review["request"]
    row = {
        "tenant": review["tenant"],
        "environment": review["environment"],
        "thread_id": review["thread_id"],
        "review": review["number"],
        "task_type": review["task_type"],
        "behaviour_version": review["behaviour_versions"].get(review["task_type"], ""),
        "proposal_id": request.get("proposal_id"),
        "proposal_hash": review["action_hash"],
        "final_hash": decision.decided_hash,
        "answer": decision.answer,
        "changed": decision.changed,
        "diff": None if decision.diff is None else Json(decision.diff),
        "actor": decision.by,
    }
    return await decided(connection, row, Earning.of(request), word)
