"""Who is told of what, and what they have been told already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from store.database import Pool
from store.sql import query

Row = dict[str, Any]


class NoticeStore:
    """Rules and notifications over a pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def rules(self) -> Sequence[Row]:
        return await self._rows("notice_rules")

    async def add(self, rule: Mapping[str, Any]) -> int:
        """The number of a new rule."""
        [row] = await self._rows("notice_rule_insert", **rule)
        return int(row["number"])

    async def remove(self, number: int) -> bool:
        return bool(await self._rows("notice_rule_remove", number=number))

    async def claimed(self, rule: Mapping[str, Any], due_hours: float, limit: int) -> Sequence[Row]:
        """The reviews that a rule is to tell of now, written down as told before anything is sent: whatever becomes of
        the sending, they are not sent again."""
        asked = {
            name: rule[name] for name in ("number", "occasion", "tenant", "task_type", "tier", "created_at", "hours")
        }
        return await self._rows("notice_claim", **asked, due_hours=due_hours, limit=limit)

    async def revoked(self, rule: Mapping[str, Any], limit: int) -> Sequence[Row]:
        """The alarms that a rule is to tell of now, written down as `claimed` does."""
        asked = {name: rule[name] for name in ("number", "tenant", "task_type", "created_at")}
        return await self._rows("notice_claim_revoked", **asked, limit=limit)

    async def digest(self, rule: Mapping[str, Any]) -> Sequence[Row]:
        """What waits, if the rule's digest is due now; then it is written down as sent."""
        if not await self._rows("digest_claim", number=rule["number"], hours=rule["hours"]):
            return ()
        return await self._rows("digest_rows", **{name: rule[name] for name in ("tenant", "task_type", "tier")})

    async def done(self, rule: int, reviews: Sequence[int], *, sent: bool) -> None:
        state = "sent" if sent else "failed"
        await self._rows("notice_done", rule=rule, reviews=list(reviews), state=state)

    async def done_revoked(self, rule: int, changes: Sequence[int], *, sent: bool) -> None:
        state = "sent" if sent else "failed"
        await self._rows("notice_done_revoked", rule=rule, changes=list(changes), state=state)

    async def digested(self, rule: int, *, sent: bool) -> None:
        await self._rows("digest_done", rule=rule, state="sent" if sent else "failed")

    async def assign(self, reviews: Sequence[int], assignee: str) -> None:
        """Ask somebody else to decide on what is overdue."""
        await self._rows("review_reassign", reviews=list(reviews), assignee=assignee)

    async def _rows(self, name: str, **given: Any) -> list[Row]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query(name), given)
            return await cursor.fetchall() if cursor.description else []
