"""One call of a tool: under its deadline and its breaker, its answer checked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from core.actions import Proposal, Ref
from core.canonical import canonical_json, storable
from core.errors import ToolError
from core.handles import inherited
from core.operations import Claim, OperationRequest, provider_key
from core.ports import Deadlines, Lookup, Performed, Tool, ToolContext, ToolOutput
from core.tools import ToolSpec
from core.vocabulary import Attempt
from tools.breakers import Breakers
from tools.confidential import Confidential
from tools.registry import RegisteredTool


@dataclass(frozen=True, slots=True)
class Call:
    """One proposal on its way, with what it needs."""

    tool: RegisteredTool
    proposal: Proposal
    context: ToolContext
    request: OperationRequest
    deadlines: Deadlines
    breakers: Breakers
    proposed: Mapping[str, Any]
    """The arguments as they were proposed, handles and all."""
    confidential: Confidential

    @property
    def spec(self) -> ToolSpec:
        return self.tool.spec

    def under(self, claim: Claim) -> Call:
        key = provider_key(self.request.key, claim.revision)
        return replace(self, context=replace(self.context, operation_key=key))

    async def send(self, until: float | None = None) -> ToolOutput:
        """One attempt. `until` is its deadline on the loop's clock, from before it was claimed."""
        output = await self._within(self.tool.run, until)
        if output is None:
            raise ToolError(f"{self.spec.name} answered nothing.", "tool_drift")
        try:
            return _checked(self.spec, output)
        except ToolError as drift:
            drift.evidence = await self._kept(output)
            raise

    async def ask(self) -> ToolOutput | None:
        """What the far side knows of it; None: it did not happen. Whatever goes wrong, it may be asked again."""
        if self.tool.lookup is None:
            raise ToolError(f"{self.spec.name} has no lookup.", "bug")  # the registry refuses such a tool
        try:
            found = await self._within(self.tool.lookup, None)
        except ToolError as error:
            raise ToolError(
                f"{self.spec.name} cannot be asked what became of its call: {error}", "transient", error.retry_after
            ) from error
        return None if found is None else _checked(self.spec, found)

    async def _kept(self, output: ToolOutput) -> str:
        """SHA-256 of the answer as it came, for whoever looks into it; empty when it is not even JSON."""
        try:
            text = canonical_json(storable(output.result))
        except (TypeError, ValueError):
            return ""
        source = f"{self.spec.name}, out of its schema"
        ref = await self.context.artifacts.put(self.context.site.tenant, text, "application/json", source, "untrusted")
        return ref.sha256

    async def _within(self, adapter: Tool | Lookup, until: float | None) -> ToolOutput | None:
        seconds, loop = self.context.deadline, asyncio.get_running_loop()
        until = loop.time() + seconds if until is None else until
        async with self.breakers.watching(self.spec.name):
            if loop.time() >= until:  # a process that was frozen since the claim must not send after its deadline
                raise ToolError(f"{self.spec.name} was not called in time.", "transient", never_sent=True)
            try:
                with self.deadlines.running(seconds):
                    async with asyncio.timeout_at(until):
                        output = await self._called(adapter)
            except TimeoutError:
                held = _held_up(loop.time() - until)
                raise ToolError(f"{self.spec.name} gave no answer in {seconds:g} s{held}.", "transient") from None
        # An adapter that blocks the loop cannot be cut off: its answer counts, and the delay is said.
        held = _held_up(loop.time() - until)
        return replace(output, summary=output.summary + held) if output and held else output

    async def _called(self, adapter: Tool | Lookup) -> ToolOutput | None:
        """What the adapter says or raises, without what a person entered for it."""
        try:
            return self.confidential.without(await adapter(self.proposal.arguments, self.context))
        except TimeoutError:
            raise
        except Exception as error:
            told = self.confidential.told(error)
            if told is error:
                raise
        raise told  # out of the handler, so that nothing refers to what was raised

    async def performed(self, output: ToolOutput, attempts: int) -> Performed:
        spec, text = self.spec, canonical_json(output.result)
        source = output.source or spec.name
        trust = inherited(output.trust, self.proposed, self.context.results)
        ref = await self.context.artifacts.put(self.context.site.tenant, text, "application/json", source, trust)
        also = {name: self._labelled(made) for name, made in output.also.items()}
        results = {**also, spec.produced_name(self.proposal.arguments): ref}
        return Performed(results, output.summary, attempts)

    def _labelled(self, made: Ref) -> Ref:
        """What is made of an untrusted result is untrusted, whatever the tool says."""
        return made.model_copy(update={"trust": inherited(made.trust, self.proposed, self.context.results)})

    def said(self, said: Attempt, attempt: int, message: str = "") -> dict[str, Any]:
        """The body of an event for an attempt that has no row."""
        body = {
            "action": self.spec.name,
            "proposal": self.proposal.id,
            "key": "",
            "revision": 0,
            "said": said,
            "attempt": attempt,
            "fence": 0,
        }
        return {**body, "message": message} if message else body


def _checked(spec: ToolSpec, output: ToolOutput) -> ToolOutput:
    """The result as its schema has it. Raises ToolError(tool_drift)."""
    try:
        checked = spec.result.model_validate(output.result).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the top"
        raise ToolError(f"{spec.name} answered out of its schema at {where}: {first['msg']}", "tool_drift") from None
    return replace(output, result=checked)


def _held_up(seconds: float) -> str:
    return f"; it held everything else up for {seconds:.0f} s beyond its timeout" if seconds > 1 else ""
