"""A breaker per tool: after failures in a row that may pass, calls are refused for a while instead of sent."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Final

from core.errors import ToolError

if TYPE_CHECKING:
    from purgatory import AsyncCircuitBreakerFactory

FAILURES_IN_A_ROW: Final = 5
"""More than one run tries by itself, so that a single bad call does not shut a tool for everybody."""
SECONDS_OPEN: Final = 30.0
"""Then calls are let through again; the first one decides."""
_COUNTED: Final = frozenset({"transient", "unknown_effect"})


class Breakers:
    """The breakers of one process. Belongs to one event loop, and is shared by its runs."""

    def __init__(self, failures: int = FAILURES_IN_A_ROW, seconds: float = SECONDS_OPEN) -> None:
        self._failures, self._seconds = failures, seconds

    @cached_property
    def _factory(self) -> AsyncCircuitBreakerFactory:
        from purgatory import AsyncCircuitBreakerFactory  # only who calls a tool waits for the import

        return AsyncCircuitBreakerFactory(self._failures, self._seconds, exclude=[(BaseException, _does_not_count)])

    async def check(self, tool: str) -> None:
        """Raises ToolError(transient, never_sent) while the tool's breaker is open; costs nothing otherwise."""
        opened_at = (await self._factory.get_breaker(tool)).context.opened_at
        left = 0.0 if opened_at is None else opened_at + self._seconds - time.time()
        if left > 0:
            raise ToolError(
                f"{tool} failed several times in a row; it is left alone for {left:.0f} s.",
                "transient",
                left,
                never_sent=True,
            )

    @asynccontextmanager
    async def watching(self, tool: str) -> AsyncIterator[None]:
        """Counts what the call inside comes to. Raises as `check` does, without entering."""
        await self.check(tool)
        breaker = await self._factory.get_breaker(tool)
        async with breaker:
            yield


def _does_not_count(error: BaseException) -> bool:
    return not (isinstance(error, ToolError) and error.failure_class in _COUNTED)
