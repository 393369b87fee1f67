"""Operations of the ledger: what is asked, and what was claimed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """One operation as its caller wants it. `gated`: only with a person's approval of `proposal_hash`."""

    key: str
    tenant: str
    thread_id: str
    tool: str
    proposal_id: str
    proposal_hash: str
    request_hash: str
    gated: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """`recorded` is set when the operation had already succeeded; otherwise the caller runs it under `fence`."""

    fence: int
    attempt: int
    recorded: Mapping[str, Any] | None = None
    summary: str = ""
