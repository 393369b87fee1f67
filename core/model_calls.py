"""The record of model calls: one row per attempt, written before its answer is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

Purpose = Literal["choose", "report", "sample"]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One attempt at one call, as it is recorded. The answer of a failed attempt is kept when there was one."""

    id: str
    tenant: str
    thread_id: str
    task_id: str
    attempt: int
    """The task's attempt, not the call's: retries of a call are rows of their own, told apart by `started_at`."""
    purpose: Purpose
    model: str
    parameters: Mapping[str, Any]
    messages: Sequence[Mapping[str, str]]
    answer: Mapping[str, Any] | None
    error: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    """In the currency of the price; None without one or without a count of tokens."""
    started_at: datetime
    latency_ms: float


class ModelCalls(Protocol):
    """Where model calls are recorded."""

    async def record(self, call: ModelCall) -> None: ...
