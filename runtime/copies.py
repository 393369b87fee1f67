"""What is different about a thread that is a copy of another; runtime/forks.py makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.ports import Novelty, NoveltyReading


def is_stubbed(thread: Mapping[str, Any]) -> bool:
    """Whether a thread is a copy whose tools do not reach outside."""
    return thread["fork"] is not None and not thread["fork"]["live"]


@dataclass(frozen=True, slots=True)
class Forgetful:
    """core.ports.Novelty for a copy: it compares, and leaves nothing for others to be compared with."""

    novelty: Novelty

    async def nearest(self, tenant: str, task_type: str, situation: str) -> NoveltyReading:
        return await self.novelty.nearest(tenant, task_type, situation)

    async def remember(self, tenant: str, task_type: str, key: str, situation: str) -> str:
        return ""
