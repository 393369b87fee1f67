"""The tools of the eval's domain: calls of the effect server, and one document of our own."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import httpx

from core.errors import ToolError
from core.ports import Tool, ToolContext, ToolOutput
from evals.reliability.effect_server import Kind
from tools.http_calls import HttpCall, http_call


@dataclass(frozen=True, slots=True)
class Effect:
    """A call that takes effect on the far side."""

    kind: Kind

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        return ToolOutput(await _call(context, "POST", f"effects/{self.kind}", context.operation_key, arguments))

    async def lookup(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput | None:
        """What became of the call under this operation's key; None when it did not happen."""
        found = await _call(context, "GET", f"effects/{context.operation_key}")
        return None if found is None else ToolOutput(found)


async def look(arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
    """Reads; blocks the whole event loop where the far side says so."""
    said = await _call(context, "GET", f"looks/{arguments['target']}")
    if "block" in said:
        time.sleep(said["block"])  # noqa: ASYNC251 - blocking the loop is what is tried
    return ToolOutput({"receipt": str(said["seen"])})


async def note(arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
    """A revision of a document, inside the operation's transaction: a second effect would be a second revision."""
    if context.documents is None:
        raise ToolError("A local tool runs inside a transaction.", "bug")
    tenant, target = context.site.tenant, str(arguments["target"])
    ref = await context.artifacts.put(tenant, target, "text/plain", "note", "trusted")
    await context.documents.save(target, ref)
    return ToolOutput({"receipt": target})


async def _call(
    context: ToolContext,
    method: Literal["GET", "POST"],
    path: str,
    key: str = "",
    body: Mapping[str, Any] | None = None,
) -> Any:
    """A call that tells the far side which process it comes from, so that it can be stopped or killed from there."""
    call = HttpCall(
        "The effect server",
        method,
        f"{context.task['server']}/{path}",
        context.deadline,
        key,
        body,
        {"X-Caller": str(os.getpid())},
        may_be_absent=method == "GET",
    )
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:  # noqa: S501 - this machine, without TLS
        return await http_call(client, call)


ADAPTERS: Final[Mapping[str, Tool]] = {
    "look": look,
    "stall": look,
    "stall_briefly": look,
    "put": Effect("idempotent"),
    "file": Effect("queryable"),
    "send": Effect("unsafe"),
    "note": note,
}
