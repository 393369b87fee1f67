"""What model calls have cost: tokens, money as far as prices are known, and time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from store.database import Pool
from store.sql import query

By = Literal["thread", "keyword", "day"]
NAMED: Final[Mapping[By, tuple[str, ...]]] = {
    "thread": ("thread_id", "subject", "tenant"),
    "keyword": ("subject", "tenant", "threads"),
    "day": ("day", "threads"),
}
"""What a row is about, by what the rows are."""


async def costs(
    pool: Pool, by: By, *, thread_id: str | None = None, since: datetime | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Rows with calls, failed, input_tokens, output_tokens, cost (None: no price is known), unpriced (calls that the
    cost leaves out), seconds and latency_p50_ms."""
    given = {"id": thread_id, "since": since, "limit": limit}
    async with pool.connection() as connection:
        rows = await (await connection.execute(query(f"costs_by_{by}"), given)).fetchall()
    return [{**row, "cost": None if row["cost"] is None else float(row["cost"])} for row in rows]
