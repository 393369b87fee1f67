"""The record of model calls, kept in the thread's tenant."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from psycopg.types.json import Json

from core.canonical import storable
from core.model_calls import ModelCall
from store.database import Pool
from store.sql import query


@dataclass(frozen=True, slots=True)
class ModelCallStore:
    """core.model_calls.ModelCalls over a pool: committed at once, whatever becomes of the step that called."""

    pool: Pool
    release: str = ""
    """Of the process that makes the calls: a thread may be carried on by a later one."""

    async def record(self, call: ModelCall) -> None:
        row: dict[str, Any] = {**asdict(call), "release": self.release}
        for name in ("parameters", "messages", "answer"):
            row[name] = None if row[name] is None else Json(storable(row[name]))
        row["error"] = storable(call.error)
        async with self.pool.connection() as connection:
            await connection.execute(query("model_call_insert"), row)
