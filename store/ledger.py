"""The ledger of operations: an effect under one key happens once.

| state | event | then |
|---|---|---|
| – | claim, committed before sending | started, fence 1 |
| any | another request under the same key | refused |
| succeeded | called again | the recorded answer |
| started, by a run that lost its lease | called by its successor | started, fence + 1, attempt + 1 (idempotent) |
| started | success, compare-and-set on the fence | succeeded |
| started | definitely refused | failed; a new proposal may try again |

The claim also checks, in its own transaction, that the caller still holds the thread's lease and that a gated call was
approved by a person as exactly this request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from psycopg.types.json import Json

from core.errors import LeaseLost, ToolError
from core.operations import Claim, OperationRequest
from core.vocabulary import OperationState
from store.artifacts import PostgresArtifacts, PostgresDocuments
from store.database import Connection, Pool
from store.events import lock_thread
from store.sql import query


@dataclass(frozen=True, slots=True)
class PostgresLocalOperation:
    """core.ports.LocalOperation: everything on one connection, committed together."""

    claim: Claim
    artifacts: PostgresArtifacts
    documents: PostgresDocuments
    succeed: Callable[[Mapping[str, Any]], Awaitable[None]]


class PostgresLedger:
    """core.ports.Ledger. One per run; `epoch` is the lease of the run."""

    def __init__(self, pool: Pool, epoch: int) -> None:
        self._pool = pool
        self._epoch = epoch

    async def claim(self, request: OperationRequest) -> Claim:
        """Claim the key, committed before anything is sent. Raises LeaseLost or ToolError."""
        async with self._transaction() as connection:
            return await self._claim(connection, request)

    async def settle(
        self, request: OperationRequest, claim: Claim, state: OperationState, outcome: Mapping[str, Any]
    ) -> None:
        """Record how it ended. `outcome`: results and summary, or failure. Raises LeaseLost."""
        async with self._transaction() as connection:
            await _settle(connection, request, claim, state, outcome)

    @asynccontextmanager
    async def local(self, request: OperationRequest) -> AsyncIterator[PostgresLocalOperation]:
        """Claim, effect and record in one transaction: for effects in our own Postgres."""
        async with self._transaction() as connection:
            claim = await self._claim(connection, request)
            yield PostgresLocalOperation(
                claim,
                PostgresArtifacts(self._pool, connection),
                PostgresDocuments(connection, request.tenant, request.thread_id),
                partial(_settle, connection, request, claim, "succeeded"),
            )

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        async with self._pool.connection() as connection, connection.transaction():
            yield connection

    async def _claim(self, connection: Connection, request: OperationRequest) -> Claim:
        await self._entitled(connection, request)
        claimed = await (await connection.execute(query("operation_claim"), _row(request))).fetchone()
        if claimed is not None:
            return Claim(claimed["fence"], claimed["attempt"])
        held = await (await connection.execute(query("operation_lock"), {"key": request.key})).fetchone()
        if held is None:
            raise ToolError("The operation vanished while it was claimed.", "storage")
        if (recorded := _recorded(request, held)) is not None:
            return recorded
        taken = await (await connection.execute(query("operation_take_over"), _row(request))).fetchone()
        if taken is None:
            raise ToolError("The operation vanished while it was taken over.", "storage")
        return Claim(taken["fence"], taken["attempt"])

    async def _entitled(self, connection: Connection, request: OperationRequest) -> None:
        """Lease and approval, read in the claim's own transaction. A resume payload is never proof."""
        thread = await lock_thread(connection, request.thread_id)
        if thread["epoch"] != self._epoch:
            raise LeaseLost(request.thread_id)
        if not request.gated:
            return
        proof = {"id": request.thread_id, "hash": request.proposal_hash}
        if await (await connection.execute(query("review_approver"), proof)).fetchone() is None:
            raise ToolError(f"{request.tool} needs a person's approval of exactly this call.", "policy_violation")


def _recorded(request: OperationRequest, held: Mapping[str, Any]) -> Claim | None:
    """The table above for a key that was claimed before: its answer, None to take it over, or ToolError."""
    same = held["request_hash"] == request.request_hash
    if held["state"] == "succeeded" and same:
        return Claim(held["fence"], held["attempt"], held["results"], held["summary"] or "")
    if not same and held["state"] != "failed":
        raise ToolError(
            f"{request.tool} was already called for this with another content (thread {held['thread_id']}); "
            "it is not done twice.",
            "tool_refused",
        )
    if held["state"] == "started" and held["thread_id"] != request.thread_id:
        raise ToolError(f"{request.tool} is being run for this by thread {held['thread_id']}.", "tool_refused")
    if held["state"] == "unknown":
        raise ToolError(f"Whether an earlier {request.tool} took effect is not known.", "unknown_effect")
    return None


async def _settle(
    connection: Connection, request: OperationRequest, claim: Claim, state: OperationState, outcome: Mapping[str, Any]
) -> None:
    row = {
        "key": request.key,
        "fence": claim.fence,
        "state": state,
        "results": _json(outcome.get("results")),
        "summary": outcome.get("summary"),
        "failure": _json(outcome.get("failure")),
    }
    if (await connection.execute(query("operation_settle"), row)).rowcount != 1:
        raise LeaseLost(request.thread_id)


def _row(request: OperationRequest) -> dict[str, Any]:
    return {
        "key": request.key,
        "tenant": request.tenant,
        "thread_id": request.thread_id,
        "tool": request.tool,
        "proposal_id": request.proposal_id,
        "request_hash": request.request_hash,
    }


def _json(value: Any) -> Json | None:
    return None if value is None else Json(value)
