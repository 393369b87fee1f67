"""Which tool is which: a specification and its adapter, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import AutonomyError
from core.ports import Lookup, Tool
from core.tools import ToolSpec


@dataclass(frozen=True, slots=True)
class RegisteredTool:
    """`lookup` is there for every queryable tool."""

    spec: ToolSpec
    run: Tool
    lookup: Lookup | None = None


def register(specs: Mapping[str, ToolSpec], adapters: Mapping[str, Tool]) -> dict[str, RegisteredTool]:
    """Pair each specification with its adapter.

    Raises AutonomyError when one lacks the other, or a tool lacks what it needs to get out of an unknown effect.
    """
    if set(specs) != set(adapters):
        unmatched = ", ".join(sorted(set(specs) ^ set(adapters)))
        raise AutonomyError(f"Tools without an adapter, or adapters without a tool: {unmatched}")
    return {name: _registered(spec, adapters[name]) for name, spec in specs.items()}


def _registered(spec: ToolSpec, adapter: Tool) -> RegisteredTool:
    lookup: Lookup | None = getattr(adapter, "lookup", None)
    if spec.tier != "read-only":
        if spec.idempotency == "queryable" and lookup is None:
            raise AutonomyError(f"{spec.name} is declared queryable, but its adapter has no lookup.")
        if _may_need_a_person(spec) and spec.when_confirmed is None:
            raise AutonomyError(
                f"{spec.name} may end with an unknown effect, so it needs when_confirmed: its result when a person "
                "says that it happened."
            )
    return RegisteredTool(spec, adapter, lookup if spec.idempotency == "queryable" else None)


def _may_need_a_person(spec: ToolSpec) -> bool:
    return spec.idempotency == "unsafe" or (spec.idempotency == "idempotent" and spec.key_lifetime is not None)
