"""Which tool is which: a specification and its adapter, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import AutonomyError
from core.ports import Tool
from core.tools import ToolSpec


@dataclass(frozen=True, slots=True)
class RegisteredTool:
    spec: ToolSpec
    run: Tool


def register(specs: Mapping[str, ToolSpec], adapters: Mapping[str, Tool]) -> dict[str, RegisteredTool]:
    """Pair each specification with its adapter. Raises AutonomyError when one lacks the other."""
    if set(specs) != set(adapters):
        unmatched = ", ".join(sorted(set(specs) ^ set(adapters)))
        raise AutonomyError(f"Tools without an adapter, or adapters without a tool: {unmatched}")
    return {name: RegisteredTool(spec, adapters[name]) for name, spec in specs.items()}
