"""The record of model calls, kept in the thread's tenant; what they took is settled with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from psycopg.types.json import Json

from core.canonical import storable
from core.model_calls import ModelCall, Most
from core.ports import CallSite
from policy.budgets import LIMITS, Limit, Spender, of_model_call
from store.database import Pool
from store.spending import agent_of, reserve_model_call, settle_model_call
from store.sql import query


@dataclass(frozen=True, slots=True)
class ModelCallStore:
    """core.model_calls.ModelCalls over a pool: committed at once, whatever becomes of the step that called."""

    pool: Pool
    release: str = ""
    """Of the process that makes the calls: a thread may be carried on by a later one."""
    domain: str = ""
    limits: Sequence[Limit] = LIMITS

    async def begin(self, call: str, site: CallSite, most: Most) -> None:
        spender = Spender(agent_of(site.tenant, self.domain), site.thread_id)
        amounts = of_model_call(most.tokens, most.money)
        await reserve_model_call(self.pool, spender, self.limits, call, amounts, most.seconds)

    async def record(self, call: ModelCall) -> None:
        row: dict[str, Any] = {**asdict(call), "release": self.release}
        for name in ("parameters", "messages", "answer"):
            row[name] = None if row[name] is None else Json(storable(row[name]))
        row["error"] = storable(call.error)
        async with self.pool.connection() as connection, connection.transaction():
            await connection.execute(query("model_call_insert"), row)
            await settle_model_call(connection, call.id, *_taken(call))


def _taken(call: ModelCall) -> tuple[int | None, int | None]:
    """(tokens, millionths of a dollar); None: not known, so the most counts."""
    if call.input_tokens is None or call.output_tokens is None:
        return (0, 0) if call.unbilled else (None, None)
    return call.input_tokens + call.output_tokens, math.ceil((call.cost or 0) * 1_000_000)
