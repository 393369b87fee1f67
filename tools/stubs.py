"""Stand-ins for tools that would change something outside: for copies of threads, and for looking at the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from core.ports import ToolContext, ToolOutput
from core.tools import ToolSpec
from tools.registry import RegisteredTool

STUBBED: Final = "stubbed: nothing was done outside"


class Stubbed(BaseModel):
    """What a stub answers: the arguments, and that nothing was done."""

    model_config = ConfigDict(extra="allow")

    stubbed: bool = True


def reaches_outside(spec: ToolSpec) -> bool:
    """Whether a call may change something that is not ours. Reading is left as it is."""
    return spec.idempotency != "local" and (spec.tier != "read-only" or spec.raised_tier is not None)


async def stub(arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
    return ToolOutput({**arguments, "stubbed": True}, trust="model", summary=STUBBED)


def stubbed(tools: Mapping[str, RegisteredTool]) -> dict[str, RegisteredTool]:
    """`tools` with a stub for each that reaches outside. Tier and gate stay: a person is asked as ever."""
    return {name: _stubbed(tool) if reaches_outside(tool.spec) else tool for name, tool in tools.items()}


def _stubbed(tool: RegisteredTool) -> RegisteredTool:
    return RegisteredTool(replace(tool.spec, idempotency="local", result=Stubbed), stub)
