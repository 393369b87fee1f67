from __future__ import annotations

import asyncio

import pytest

from core.errors import ToolError
from tools.breakers import Breakers

DOWN = ToolError("down", "transient")


async def call(breakers: Breakers, error: BaseException | None, tool: str = "look") -> None:
    async with breakers.watching(tool):
        if error is not None:
            raise error


async def fails(breakers: Breakers, error: BaseException, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(type(error)) as raised:
            await call(breakers, error)
        assert raised.value is error


async def test_after_failures_in_a_row_nothing_is_sent_for_a_while() -> None:
    breakers = Breakers(failures=3, seconds=30)
    await fails(breakers, DOWN, 3)
    with pytest.raises(ToolError, match="left alone for 30 s") as refused:
        await call(breakers, None)
    assert refused.value.failure_class == "transient" and refused.value.never_sent
    assert refused.value.retry_after == pytest.approx(30, abs=5)
    with pytest.raises(ToolError, match="left alone"):
        await breakers.check("look")
    await call(breakers, None, "another tool")


async def test_a_success_or_a_definite_no_starts_the_count_anew() -> None:
    breakers = Breakers(failures=3, seconds=30)
    for between in (None, ToolError("no", "tool_refused"), KeyError("bug"), asyncio.CancelledError()):
        await fails(breakers, DOWN, 2)
        if between is None:
            await call(breakers, None)
        else:
            await fails(breakers, between)
    await breakers.check("look")


async def test_a_call_without_an_answer_counts_too() -> None:
    breakers = Breakers(failures=2, seconds=30)
    await fails(breakers, ToolError("reset", "unknown_effect"), 2)
    with pytest.raises(ToolError, match="left alone"):
        await breakers.check("look")


async def test_after_a_while_one_call_decides_whether_it_is_open_again() -> None:
    breakers = Breakers(failures=2, seconds=0.5)
    await fails(breakers, DOWN, 2)
    await until_let_through(breakers)
    await fails(breakers, DOWN)
    with pytest.raises(ToolError, match="left alone"):
        await breakers.check("look")
    await until_let_through(breakers)
    await call(breakers, None)
    await fails(breakers, DOWN)
    await breakers.check("look")


async def until_let_through(breakers: Breakers) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                return await breakers.check("look")
            except ToolError:
                await asyncio.sleep(0.01)
