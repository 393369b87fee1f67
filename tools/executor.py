"""Runs an allowed proposal: through the ledger if it changes anything, under a deadline, its result checked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from pydantic import ValidationError

from core.actions import Proposal, Ref
from core.canonical import canonical_json, sha256
from core.errors import ToolError
from core.failures import FAILURES, classify
from core.operations import Claim, OperationRequest
from core.ports import Artifacts, CallSite, Ledger, Performed, ToolContext, ToolOutput
from core.retries import Backoff
from core.tools import ToolSpec
from tools.registry import RegisteredTool


@dataclass(frozen=True, slots=True)
class LedgerExecutor:
    """core.ports.Executor. Only reading is retried here, as often as the tool's declaration allows."""

    tools: Mapping[str, RegisteredTool]
    ledger: Ledger
    artifacts: Artifacts
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    draw: Callable[[], float] = random.random

    async def perform(
        self, site: CallSite, proposal: Proposal, task: Mapping[str, Any], results: Mapping[str, Ref], gated: bool
    ) -> Performed:
        tool = self.tools[proposal.action]
        context = ToolContext(site, task, results, self.artifacts, tool.spec.timeout)
        if tool.spec.tier == "read-only":
            return await self._read(tool, proposal, context)
        request = _request(tool.spec, site, proposal, gated)
        context = replace(context, operation_key=request.key)
        if tool.spec.idempotency == "local":
            return await self._local(tool, proposal, context, request)
        return await self._outside(tool, proposal, context, request)

    async def _read(self, tool: RegisteredTool, proposal: Proposal, context: ToolContext) -> Performed:
        backoff = Backoff(max_retries=tool.spec.attempts - 1)
        for attempt in count(1):
            try:
                output = await _call(tool, proposal, context)
            except ToolError as error:
                delay = backoff.delay(attempt - 1, error.retry_after, self.draw())
                if delay is None or FAILURES[classify(error)].response != "retry":
                    raise
                await self.sleep(delay)
            else:
                return await _performed(tool.spec, proposal, context, output, attempt)
        raise AssertionError("count() does not end")

    async def _local(
        self, tool: RegisteredTool, proposal: Proposal, context: ToolContext, request: OperationRequest
    ) -> Performed:
        async with self.ledger.local(request) as operation:
            if operation.claim.recorded is not None:
                return _recorded(operation.claim)
            inside = replace(context, artifacts=operation.artifacts, documents=operation.documents)
            output = await _call(tool, proposal, inside)
            performed = await _performed(tool.spec, proposal, inside, output, operation.claim.attempt)
            await operation.succeed(_outcome(performed))
            return performed

    async def _outside(
        self, tool: RegisteredTool, proposal: Proposal, context: ToolContext, request: OperationRequest
    ) -> Performed:
        claim = await self.ledger.claim(request)
        if claim.recorded is not None:
            return _recorded(claim)
        try:
            output = await _call(tool, proposal, context)
            performed = await _performed(tool.spec, proposal, context, output, claim.attempt)
        except ToolError as error:
            failure = {"class": classify(error), "message": str(error)}
            await self.ledger.settle(request, claim, "failed", {"failure": failure})
            raise
        await self.ledger.settle(request, claim, "succeeded", _outcome(performed))
        return performed


async def _call(tool: RegisteredTool, proposal: Proposal, context: ToolContext) -> ToolOutput:
    """One attempt under its deadline; the result matches its schema or it is tool_drift."""
    try:
        async with asyncio.timeout(context.deadline):
            output = await tool.run(proposal.arguments, context)
    except TimeoutError:
        raise ToolError(f"{tool.spec.name} gave no answer in {context.deadline:g} s.", "transient") from None
    try:
        checked = tool.spec.result.model_validate(output.result).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ToolError(
            f"{tool.spec.name} answered out of its schema at {where}: {first['msg']}", "tool_drift"
        ) from None
    return replace(output, result=checked)


async def _performed(
    spec: ToolSpec, proposal: Proposal, context: ToolContext, output: ToolOutput, attempts: int
) -> Performed:
    text = canonical_json(output.result)
    source = output.source or spec.name
    ref = await context.artifacts.put(context.site.tenant, text, "application/json", source, output.trust)
    results = {**output.also, spec.produced_name(proposal.arguments): ref}
    return Performed(results, output.summary, attempts)


def _request(spec: ToolSpec, site: CallSite, proposal: Proposal, gated: bool) -> OperationRequest:
    key = spec.operation_key(site.tenant, site.thread_id, proposal.id, proposal.arguments)
    return OperationRequest(
        key, site.tenant, site.thread_id, spec.name, proposal.id, proposal.hash, sha256(proposal.arguments), gated
    )


def _outcome(performed: Performed) -> dict[str, Any]:
    return {"results": {name: ref.to_json() for name, ref in performed.results.items()}, "summary": performed.summary}


def _recorded(claim: Claim) -> Performed:
    results = {name: Ref.model_validate(ref) for name, ref in (claim.recorded or {}).items()}
    return Performed(results, claim.summary, claim.attempt, replayed=True)
