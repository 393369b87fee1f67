"""The record of model calls: one row per attempt, written before its answer is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from core.ports import CallSite

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
    unbilled: bool = False
    """The endpoint surely did nothing: it was not reached, or refused. Else, without counts, the most counts."""


@dataclass(frozen=True, slots=True)
class Most:
    """The most that a call may take: tokens, millionths of a dollar, and the seconds until it is surely over."""

    tokens: int
    money: int
    seconds: float


class ModelCalls(Protocol):
    """Where model calls are recorded, and what they take is counted."""

    async def begin(self, call: str, site: CallSite, most: Most) -> None:
        """Before anything is sent, under the id that the record will have. Raises ModelError(limit_reached)."""
        ...

    async def record(self, call: ModelCall) -> None: ...
