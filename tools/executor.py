"""Runs an allowed proposal: through the ledger if it changes anything, under a deadline, its result checked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from core.actions import Proposal, Ref
from core.canonical import sha256
from core.errors import ToolError
from core.failures import classify
from core.handles import BadHandle, filled, handles
from core.operations import Claim, OperationRequest, in_question, state_after
from core.ports import (
    Artifacts,
    Budgets,
    CallSite,
    Deadlines,
    Ledger,
    NoSecrets,
    Performed,
    Secrets,
    ToolContext,
    ToolOutput,
    Unlimited,
    Unwatched,
)
from core.tools import ToolSpec
from core.vocabulary import OperationState
from policy.budgets import of_call
from tools.breakers import Breakers
from tools.calls import Call
from tools.confidential import Confidential, GuardedArtifacts
from tools.patience import tries
from tools.registry import RegisteredTool

_SENT_IN_VAIN: Final = frozenset({"transient", "unknown_effect"})
"""Classes of a call that was sent and not answered; what comes of them is decided by the tool's idempotency."""


@dataclass(frozen=True, slots=True)
class LedgerExecutor:
    """core.ports.Executor. What may pass is tried again here as often as the tool's declaration allows."""

    tools: Mapping[str, RegisteredTool]
    ledger: Ledger
    artifacts: Artifacts
    deadlines: Deadlines = field(default_factory=Unwatched)
    breakers: Breakers = field(default_factory=Breakers)
    apart: str = ""
    """Of a copy that shares no operation with the thread it was made of: its id."""
    secrets: Secrets = field(default_factory=NoSecrets)
    budgets: Budgets = field(default_factory=Unlimited)

    async def perform(
        self,
        site: CallSite,
        proposal: Proposal,
        task: Mapping[str, Any],
        results: Mapping[str, Ref],
        gated: bool,
        approved_as: str | None = None,
    ) -> Performed:
        tool = self.tools[proposal.action]
        confidential = Confidential(self.secrets, site.thread_id, tool.spec.name)
        artifacts = GuardedArtifacts(self.artifacts, confidential)
        context = ToolContext(site, task, results, artifacts, tool.spec.timeout, secret=confidential.get)
        sent = await with_values(proposal, site.tenant, self.artifacts)
        tier = tool.spec.tier_of(sent.arguments)
        # An approval is of the proposal as it was made; the key and the request are what is sent.
        request = _request(tool.spec, site, sent, proposal.hash, gated or tier == "irreversible")
        if self.apart:
            request = replace(request, key=sha256([self.apart, request.key]))
        request = replace(request, amounts=of_call(tool.spec, tier), approved_as=approved_as)
        call = Call(tool, sent, context, request, self.deadlines, self.breakers, proposal.arguments, confidential)
        if tier == "read-only":
            await self.budgets.spend(request)
            return await _read(call)
        if tool.spec.idempotency == "local":
            return await _local(call, self.ledger)
        async for attempt in tries(tool.spec.attempts, "transient"):
            with attempt:
                return await _outside(call, self.ledger)
        raise AssertionError("it returns or raises")


async def with_values(proposal: Proposal, tenant: str, artifacts: Artifacts) -> Proposal:
    """`proposal` with its pinned handles filled in. Raises ToolError(missing_evidence)."""
    try:
        pins = sorted({handle.sha256 for handle in handles(proposal.arguments) if handle.sha256})
        texts = await artifacts.read(tenant, pins) if pins else {}
        return proposal.model_copy(update={"arguments": filled(proposal.arguments, texts)})
    except BadHandle as error:
        raise ToolError(str(error), "missing_evidence") from error


async def _read(call: Call) -> Performed:
    said: list[dict[str, Any]] = []
    try:
        async for attempt in tries(call.spec.attempts, "transient"):
            with attempt:
                output = await _noted(call, said, attempt.num)
                performed = await call.performed(output, attempt.num)
                return replace(performed, said=(*said, call.said("succeeded", attempt.num)))
    except ToolError as error:
        error.attempts = tuple(said)
        raise
    raise AssertionError("it returns or raises")


async def _noted(call: Call, said: list[dict[str, Any]], attempt: int) -> ToolOutput:
    try:
        return await call.send()
    except ToolError as error:
        said.append(call.said("not_sent" if error.never_sent else "refused", attempt, str(error)))
        raise


async def _local(call: Call, ledger: Ledger) -> Performed:
    async with ledger.local(call.request) as operation:
        if operation.claim.recorded is not None:
            return _recorded(operation.claim)
        artifacts = GuardedArtifacts(operation.artifacts, call.confidential)
        inside = replace(call.context, artifacts=artifacts, documents=operation.documents)
        call, said = replace(call, context=inside).under(operation.claim), list[dict[str, Any]]()
        try:
            output = await _noted(call, said, operation.claim.attempt)
        except ToolError as error:
            error.attempts = tuple(said)
            raise
        performed = await call.performed(output, operation.claim.attempt)
        await operation.succeed(_outcome(performed))
        return performed


async def _outside(call: Call, ledger: Ledger) -> Performed:
    """One attempt at an effect that does not commit with its record."""
    await call.breakers.check(call.spec.name)
    until = _deadline(call)
    claim = await ledger.claim(call.request)
    if claim.ask:
        found = await call.under(claim).ask()
        outcome = _outcome(await call.performed(found, claim.attempt)) if found else None
        until = _deadline(call)
        claim = await ledger.resolve(call.request, claim, outcome)
    if claim.recorded is not None:
        return _recorded(claim)
    call = call.under(claim)
    try:
        performed = await call.performed(await call.send(until), claim.attempt)
    except ToolError as error:
        await ledger.settle(call.request, claim, *_ending(call, claim, error))
        raise _as_it_stands(call, claim, error, until) from error
    except Exception as bug:
        failure = {"class": classify(bug), "message": f"{type(bug).__name__}: {bug}"}
        await ledger.settle(call.request, claim, "unknown", {"failure": failure})
        raise
    await ledger.settle(call.request, claim, "succeeded", _outcome(performed))
    return performed


def _ending(call: Call, claim: Claim, error: ToolError) -> tuple[OperationState, dict[str, Any]]:
    failure_class = classify(error)
    state = state_after(failure_class, error.never_sent, call.spec.attempts - claim.attempt)
    failure = {"class": failure_class, "message": str(error)}
    return state, {"failure": failure, "never_sent": error.never_sent}


def _as_it_stands(call: Call, claim: Claim, error: ToolError, until: float) -> ToolError:
    """What a failed attempt is to the run: of a call that may have taken effect, the tool decides what is safe."""
    failure_class = classify(error)
    if _ending(call, claim, error)[0] != "unknown":
        return error
    if call.spec.idempotency == "unsafe":
        unknown = ToolError(f"Whether {call.spec.name} took effect is not known: {error}", "unknown_effect")
        unknown.evidence = error.evidence
        unknown.operation = in_question(
            call.request.key, claim.revision, claim.fence, claim.attempt, datetime.now(UTC).isoformat()
        )
        return unknown
    if failure_class not in _SENT_IN_VAIN:
        return error
    left = until - asyncio.get_running_loop().time() if call.spec.idempotency == "queryable" else 0.0
    asked = max(left, error.retry_after or 0.0)
    return ToolError(str(error), "transient", asked if asked > 0 else None)


def _deadline(call: Call) -> float:
    return asyncio.get_running_loop().time() + call.spec.timeout


def _request(spec: ToolSpec, site: CallSite, proposal: Proposal, proposal_hash: str, gated: bool) -> OperationRequest:
    return OperationRequest(
        key=spec.operation_key(site.tenant, site.thread_id, proposal.id, proposal.arguments),
        tenant=site.tenant,
        thread_id=site.thread_id,
        tool=spec.name,
        proposal_id=proposal.id,
        proposal_hash=proposal_hash,
        request_hash=sha256(proposal.arguments),
        gated=gated,
        idempotency=spec.idempotency,
        timeout=spec.timeout,
        key_lifetime=spec.key_lifetime,
    )


def _outcome(performed: Performed) -> dict[str, Any]:
    return {"results": {name: ref.to_json() for name, ref in performed.results.items()}, "summary": performed.summary}


def _recorded(claim: Claim) -> Performed:
    results = {name: Ref.model_validate(ref) for name, ref in (claim.recorded or {}).items()}
    return Performed(results, claim.summary, claim.attempt, replayed=True)
