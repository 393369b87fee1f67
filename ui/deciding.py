"""Taking a decision. The page stores it; a worker runs the thread on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from core.reviews import WireAnswer
from runtime import threads
from runtime.people import local_user
from runtime.settings import read_settings
from runtime.wiring import open_application


def decide(number: int, wire: WireAnswer, *, arguments: Mapping[str, Any] | None = None, message: str = "") -> None:
    """Take the local person's decision, once. Raises what runtime.threads.decide raises."""
    asyncio.run(_decide(number, wire, arguments, message))


async def _decide(number: int, wire: WireAnswer, arguments: Mapping[str, Any] | None, message: str) -> None:
    async with open_application(read_settings()) as app:
        await threads.decide(app, number, wire, threads.Person(local_user()), arguments=arguments, message=message)
