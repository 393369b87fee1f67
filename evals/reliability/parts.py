"""Parts that break on purpose, for runtime/wiring.py's `Parts`: a ledger and a saver that kill their own process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import ModuleType
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata

from core.operations import Claim, OperationRequest
from core.vocabulary import OperationState
from evals.reliability import domain
from evals.reliability.fuses import Boundary, Fuses
from policy.budgets import Limit
from runtime.wiring import Parts
from store.database import Pool
from store.ledger import PostgresLedger, PostgresLocalOperation
from store.supersteps import EVENTS
from store.transitions import TransitionSaver


class BreakingLedger(PostgresLedger):
    """Dies before a claim, once claimed, once answered (before the record) and once recorded."""

    def __init__(self, pool: Pool, epoch: int, limits: Sequence[Limit], *, fuses: Fuses, **more: Any) -> None:
        super().__init__(pool, epoch, limits, **more)
        self._fuses = fuses

    async def claim(self, request: OperationRequest) -> Claim:
        self._reach(request, "before claim")
        claim = await super().claim(request)
        self._reach(request, "claimed")
        return claim

    async def settle(
        self, request: OperationRequest, claim: Claim, state: OperationState, outcome: Mapping[str, Any]
    ) -> None:
        self._reach(request, "answered")
        await super().settle(request, claim, state, outcome)
        self._reach(request, "recorded")

    @asynccontextmanager
    async def local(self, request: OperationRequest) -> AsyncIterator[PostgresLocalOperation]:
        self._reach(request, "before claim")
        async with super().local(request) as operation:
            self._reach(request, "claimed")
            yield operation
            self._reach(request, "answered")
        self._reach(request, "recorded")

    def _reach(self, request: OperationRequest, boundary: Boundary) -> None:
        self._fuses.reach(request.thread_id, boundary, request.tool)


class BreakingSaver(TransitionSaver):
    """Dies before and after the writes and the checkpoint of the superstep in which a tool succeeded."""

    def __init__(self, pool: Pool, thread_id: str, epoch: int, *, fuses: Fuses, **more: Any) -> None:
        super().__init__(pool, thread_id, epoch, **more)
        self._fuses = fuses
        self._run = thread_id
        self._done = ""

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self._done = _succeeded(writes) or self._done
        self._reach("before writes")
        await super().aput_writes(config, writes, task_id, task_path)
        self._reach("after writes")

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self._reach("before checkpoint")
        stored = await super().aput(config, checkpoint, metadata, new_versions)
        self._reach("after checkpoint")
        self._done = ""
        return stored

    def _reach(self, boundary: Boundary) -> None:
        if self._done:
            self._fuses.reach(self._run, boundary, self._done)


def _succeeded(writes: Sequence[tuple[str, Any]]) -> str:
    """The tool whose result these writes bring; empty when they bring none."""
    events = (item for channel, value in writes if channel == EVENTS for item in value)
    return next((str(item["body"]["action"]) for item in events if item["kind"] == "tool_result"), "")


def breaking(fuses: Fuses) -> Parts:
    """The eval's domain, over parts that break where a fuse is laid."""
    return Parts(
        domains={domain.NAME: _domain},
        saver=partial(BreakingSaver, fuses=fuses),
        ledger=partial(BreakingLedger, fuses=fuses),
    )


def _domain() -> ModuleType:
    return domain
