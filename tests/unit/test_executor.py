from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from core.actions import Proposal
from core.errors import ToolError
from core.ports import CallSite, Performed, Tool, ToolContext, ToolOutput
from core.tools import ToolSpec
from runtime.studio import MemoryArtifacts
from tools.executor import LedgerExecutor
from tools.registry import register

SITE = CallSite("acme", "t1", "task")
LOOK = Proposal(id="p1", action="look", arguments={"at": "it"})


class Arguments(BaseModel):
    at: str


class Result(BaseModel):
    seen: int


def spec(attempts: int = 3, timeout: float = 5.0) -> ToolSpec:
    return ToolSpec(
        "look", "Look.", Arguments, Result, "read-only", "idempotent", 1, timeout, attempts, produces="seen:{at}"
    )


class Looks:
    """A tool that gives one answer after another; errors are raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return ToolOutput(answer, summary="looked")


async def perform(tool: Tool, declared: ToolSpec | None = None) -> tuple[Performed, list[float]]:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    declared = declared or spec()
    tools = register({"look": declared}, {"look": tool})
    ledger: Any = None  # reading needs none
    executor = LedgerExecutor(tools, ledger, MemoryArtifacts(), sleep, lambda: 1.0)
    return await executor.perform(SITE, LOOK, {}, {}, gated=False), waited


async def test_a_result_becomes_an_artifact_under_the_declared_name() -> None:
    performed, _ = await perform(Looks({"seen": 3}))
    assert list(performed.results) == ["seen:it"] and performed.summary == "looked"


async def test_a_result_that_does_not_match_its_schema_is_drift_and_is_not_retried() -> None:
    tool = Looks({"seen": "three"}, {"seen": 3})
    with pytest.raises(ToolError, match="out of its schema at seen") as drift:
        await perform(tool)
    assert drift.value.failure_class == "tool_drift" and len(tool.answers) == 1


async def test_only_transient_failures_are_retried_with_growing_waits_or_as_asked() -> None:
    busy = ToolError("busy", "transient")
    performed, waited = await perform(Looks(busy, busy, {"seen": 1}))
    assert performed.attempts == 3 and waited == [0.5, 1.0]
    _, waited = await perform(Looks(ToolError("later", "transient", retry_after=7.0), {"seen": 1}))
    assert waited == [7.0]
    tool = Looks(ToolError("no", "tool_refused"), {"seen": 1})
    with pytest.raises(ToolError, match="no"):
        await perform(tool)
    assert len(tool.answers) == 1


async def test_attempts_are_bounded() -> None:
    tool = Looks(*[ToolError("busy", "transient")] * 9)
    with pytest.raises(ToolError, match="busy"):
        await perform(tool)
    assert len(tool.answers) == 6


async def test_a_tool_that_does_not_answer_is_cut_off() -> None:
    async def never(arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(ToolError, match="no answer in 0.01 s") as cut:
        await perform(never, spec(attempts=1, timeout=0.01))
    assert cut.value.failure_class == "transient"


def test_a_tool_without_an_adapter_does_not_load() -> None:
    with pytest.raises(Exception, match="without an adapter.*look"):
        register({"look": spec()}, {})
