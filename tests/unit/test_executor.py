from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from core.actions import Proposal, Ref
from core.errors import AutonomyError, ToolError
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


async def perform(tool: Tool, declared: ToolSpec | None = None) -> Performed:
    declared = declared or spec()
    tools = register({"look": declared}, {"look": tool})
    ledger: Any = None  # reading needs none
    return await LedgerExecutor(tools, ledger, MemoryArtifacts()).perform(SITE, LOOK, {}, {}, gated=False)


async def test_a_result_becomes_an_artifact_under_the_declared_name() -> None:
    performed = await perform(Looks({"seen": 3}))
    assert list(performed.results) == ["seen:it"] and performed.summary == "looked"


async def test_a_result_that_does_not_match_its_schema_is_drift_and_is_not_retried() -> None:
    tool = Looks({"seen": "three"}, {"seen": 3})
    with pytest.raises(ToolError, match="out of its schema at seen") as drift:
        await perform(tool)
    assert drift.value.failure_class == "tool_drift" and len(tool.answers) == 1


async def test_only_what_passes_is_tried_again_and_every_attempt_is_said() -> None:
    busy = ToolError("busy", "transient")
    performed = await perform(Looks(busy, ToolError("down", "transient", never_sent=True), {"seen": 1}))
    assert performed.attempts == 3
    assert [(said["said"], said["attempt"]) for said in performed.said] == [
        ("refused", 1), ("not_sent", 2), ("succeeded", 3),
    ]  # fmt: skip
    tool = Looks(ToolError("no", "tool_refused"), {"seen": 1})
    with pytest.raises(ToolError, match="no") as refused:
        await perform(tool)
    assert len(tool.answers) == 1
    assert [(said["said"], said["message"]) for said in refused.value.attempts] == [("refused", "no")]


async def test_a_long_wait_is_left_to_whoever_runs_the_thread() -> None:
    tool = Looks(ToolError("later", "transient", retry_after=30.0), {"seen": 1})
    with pytest.raises(ToolError, match="later") as later:
        await perform(tool)
    assert later.value.retry_after == 30.0 and len(tool.answers) == 1


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


async def test_an_adapter_that_blocks_the_loop_is_not_cut_off_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    async def blocks(arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        loop = asyncio.get_running_loop()
        ahead = loop.time() + 100
        monkeypatch.setattr(loop, "time", lambda: ahead)  # as if it had not let go of the loop for so long
        return ToolOutput({"seen": 1}, summary="looked")

    performed = await perform(blocks, spec(timeout=5.0))
    assert "seen:it" in performed.results
    assert performed.summary == "looked; it held everything else up for 95 s beyond its timeout"


async def test_whoever_watches_the_process_is_told_of_the_call_and_its_length() -> None:
    watched: list[str] = []

    class Watcher:
        @contextmanager
        def running(self, seconds: float) -> Iterator[None]:
            watched.append(f"in for {seconds:g} s")
            yield
            watched.append("out")

    tools, ledger = register({"look": spec(timeout=7)}, {"look": Looks({"seen": 1})}), Any
    executor = LedgerExecutor(tools, ledger, MemoryArtifacts(), deadlines=Watcher())  # type: ignore[arg-type]
    await executor.perform(SITE, LOOK, {}, {}, gated=False)
    assert watched == ["in for 7 s", "out"]


def test_a_tool_without_an_adapter_does_not_load() -> None:
    with pytest.raises(Exception, match="without an adapter.*look"):
        register({"look": spec()}, {})


def test_a_tool_that_could_not_get_out_of_an_unknown_effect_does_not_load() -> None:
    looks, acts = Looks(), replace(spec(), tier="reversible")
    with pytest.raises(AutonomyError, match="declared queryable, but its adapter has no lookup"):
        register({"look": replace(acts, idempotency="queryable")}, {"look": looks})
    for unclear in (replace(acts, idempotency="unsafe"), replace(acts, key_lifetime=3600.0)):
        with pytest.raises(AutonomyError, match="needs when_confirmed"):
            register({"look": unclear}, {"look": looks})
    register({"look": acts}, {"look": looks})


async def test_a_handle_is_filled_in_and_what_is_made_of_an_untrusted_result_is_untrusted() -> None:
    artifacts, asked = MemoryArtifacts(), list[Any]()
    page = await artifacts.put("acme", '{"title": "it"}', "application/json", "web", "untrusted")

    async def look(arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        asked.append(arguments)
        return ToolOutput({"seen": 1}, also={"copy": Ref(sha256="c", trust="trusted")})

    ledger: Any = None  # reading needs none
    executor = LedgerExecutor(register({"look": spec()}, {"look": look}), ledger, artifacts)
    by_handle = {"at": {"$ref": "page#/title", "sha256": page.sha256}}
    proposal = Proposal(id="p1", action="look", arguments=by_handle)
    performed = await executor.perform(SITE, proposal, {}, {"page": page}, gated=False)
    assert asked == [{"at": "it"}]
    assert {name: made.trust for name, made in performed.results.items()} == {
        "copy": "untrusted",
        "seen:it": "untrusted",
    }
    plain = await executor.perform(SITE, LOOK, {}, {"page": page}, gated=False)
    assert plain.results["seen:it"].trust == "trusted"


@pytest.mark.parametrize("target", [{"$ref": "page#/nothing", "sha256": "PIN"}, {"$ref": "page#/title"}])
async def test_a_handle_that_leads_nowhere_is_missing_evidence(target: dict[str, str]) -> None:
    artifacts = MemoryArtifacts()
    page = await artifacts.put("acme", '{"title": "it"}', "application/json", "web", "untrusted")
    at = {name: page.sha256 if value == "PIN" else value for name, value in target.items()}
    ledger: Any = None
    executor = LedgerExecutor(register({"look": spec()}, {"look": Looks({"seen": 1})}), ledger, artifacts)
    with pytest.raises(ToolError) as nowhere:
        await executor.perform(SITE, Proposal(id="p1", action="look", arguments={"at": at}), {}, {}, gated=False)
    assert nowhere.value.failure_class == "missing_evidence"
