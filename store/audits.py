"""Audits: what ran alone and is looked at afterwards. A verdict moves the certificate in its own transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.errors import AlreadyDecided, NotFound
from core.events import Event
from escalation.standing import Labelled
from store.database import Connection, Pool
from store.events import append, lock_thread
from store.outcomes import Word
from store.sql import query
from store.standings import Place, hold, label

OVERDUE_DAYS: Final = 14
"""After so long nobody will answer; left open, audits of what looks bad could simply never count."""


class AuditStore:
    """Audits over a pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def waiting(self, tenant: str | None, limit: int) -> Sequence[dict[str, Any]]:
        """Open audits, oldest first."""
        async with self._pool.connection() as connection:
            asked = {"tenant": tenant, "limit": limit}
            return await (await connection.execute(query("audit_list"), asked)).fetchall()

    async def get(self, number: int) -> dict[str, Any]:
        """Raises NotFound."""
        async with self._pool.connection() as connection:
            return await _get(connection, number)

    async def judge(self, number: int, word: Word, by: str, verified: bool) -> None:
        """Take a verdict, once. Raises NotFound, or AlreadyDecided naming who was first."""
        async with self._pool.connection() as connection, connection.transaction():
            audit = await _get(connection, number)
            thread = await lock_thread(connection, audit["thread_id"])
            said = {"verdict": word.verdict, "reason_code": word.reason, "note": word.note or None, "by": by}
            row = {**said, "number": number, "verified": verified}
            if (await connection.execute(query("audit_judge"), row)).rowcount != 1:
                raise _decided(await _get(connection, number))
            if audit["planted"]:
                return  # it says something of the reviewers, nothing of the agent
            moved = await _counted(connection, audit, said)
            body = {"audit": number, "task_type": audit["task_type"], "verdict": word.verdict, "reason": word.reason}
            await append(connection, thread, [Event("audit_judged", by, body), *moved])

    async def plant(self, tenant: str, task_type: str | None, count: int) -> int:
        """Put up to `count` proposals that people found wrong among the audits; how many there were."""
        async with self._pool.connection() as connection:
            asked = {"tenant": tenant, "task_type": task_type, "count": count}
            return (await connection.execute(query("audit_plant"), asked)).rowcount

    async def give_up(self, tenant: str | None, days: float = OVERDUE_DAYS) -> list[int]:
        """Enter audits that nobody has answered for so long as unclear, which is a loss; their numbers."""
        async with self._pool.connection() as connection:
            asked = {"tenant": tenant, "days": days}
            rows = await (await connection.execute(query("audit_overdue"), asked)).fetchall()
        for row in rows:
            await self.judge(row["number"], Word("unclear", "other", "nobody answered in time"), "nobody", False)
        return [row["number"] for row in rows]


async def _get(connection: Connection, number: int) -> dict[str, Any]:
    row = await (await connection.execute(query("audit_get"), {"number": number})).fetchone()
    if row is None:
        raise NotFound(f"There is no audit {number}. See: autonomy audit list")
    return row


def _decided(audit: Mapping[str, Any]) -> AlreadyDecided:
    return AlreadyDecided(f"Audit {audit['number']} was already answered: {audit['verdict']}, by {audit['judged_by']}.")


async def _counted(connection: Connection, audit: Mapping[str, Any], said: Mapping[str, Any]) -> list[Event]:
    held = await hold(connection, Place(*(audit[name] for name in Place._fields)), "high")
    row = {**said, "id": audit["outcome"], "counted": held["counted"] + 1}
    await connection.execute(query("outcome_judge"), row)
    outcome = Labelled(
        audit["score"], said["verdict"], audit["propensity"], audit["floor"], audit["alone"], audit["era"]
    )
    return await label(connection, held, outcome, audit["thread_id"])
