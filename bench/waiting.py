"""Waits for a condition, with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

SECONDS: Final = 30.0
"""Patience for what should take moments."""
_LOOK_EVERY: Final = 0.005


async def until(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = SECONDS) -> None:
    """Return once `condition` holds. Raises TimeoutError saying what did not come about."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"After {seconds:.0f} s it is still not so that {what}.")
        await asyncio.sleep(_LOOK_EVERY)
