"""What a reviewed tool of an MCP server is to us. Pure: the registry, the reviewed contract and the hints in it.

Hints may only tighten. A hint that is missing counts as the worst, unless the registry says otherwise.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field

from core.errors import BadInput
from core.tools import ToolSpec
from core.vocabulary import TIERS, Idempotency, Tier
from tools.mcp_registry import Contract, ToolEntry, name_of
from tools.mcp_schema import model_of

LONGEST_TEXT: Final = 100_000
"""Characters of a result that is text; more is cut off."""
_SNAKE: Final = re.compile(r"(?<!^)(?=[A-Z])")


class TextResult(BaseModel):
    """What a tool without an output schema answers. `left_out`: parts that are no text, such as `image/png`."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=LONGEST_TEXT)
    cut_off: bool = False
    left_out: list[str] = []


def hints(annotations: Mapping[str, Any]) -> dict[str, bool]:
    """`readOnlyHint` and `read_only_hint` alike as read_only_hint; what is not true or false says nothing."""
    found: dict[str, bool] = {}
    for name, value in annotations.items():
        if isinstance(value, bool):
            key = _SNAKE.sub("_", name).lower()
            # Said twice and differently: the stricter one counts.
            strict = key in ("destructive_hint", "open_world_hint")
            found[key] = value if key not in found else (found[key] or value) if strict else (found[key] and value)
    return found


def tier_of(entry: ToolEntry, annotations: Mapping[str, Any]) -> Tier:
    """The stricter of what the registry and the hints say; irreversible where the registry says nothing."""
    said: list[Tier] = [entry.tier or "irreversible"]
    given = hints(annotations)
    if given.get("destructive_hint") is True and given.get("read_only_hint") is not True:
        said.append("irreversible")
    elif given.get("read_only_hint") is False:
        said.append("reversible" if given.get("destructive_hint") is False else "irreversible")
    return max(said, key=TIERS.index)


def spec_of(server: str, tool: str, entry: ToolEntry, contract: Contract) -> ToolSpec:
    """The tool as the runtime knows it. Raises BadInput saying why it cannot be used."""
    name = name_of(server, tool, entry)
    arguments = model_of(name, contract.input_schema)
    result = TextResult if contract.output_schema is None else model_of(f"{name} result", contract.output_schema)
    taken = frozenset(contract.input_schema.get("properties", {}))
    control = taken if entry.control is None else frozenset(entry.control)
    if strange := sorted((control | frozenset(entry.identity or ())) - taken):
        raise BadInput(f"the registry names the arguments {', '.join(strange)}, which it does not take")
    given, tier = hints(contract.annotations), tier_of(entry, contract.annotations)
    repeatable = entry.idempotent and given.get("idempotent_hint") is not False
    idempotency: Idempotency = "idempotent" if repeatable or tier == "read-only" else "unsafe"
    return ToolSpec(
        name=name,
        summary=contract.description or f"The tool {tool} of the server {server}.",
        arguments=arguments,
        result=result,
        tier=tier,
        idempotency=idempotency,
        cost=entry.cost,
        timeout=float(entry.timeout),
        attempts=entry.attempts,
        risk=entry.risk,
        egress=entry.egress or given.get("open_world_hint") is True,
        control_arguments=control,
        identity=_identity(entry.identity),
        when_confirmed=_confirmed if contract.output_schema is None else _confirmed_as_json,
    )


def difference(before: Contract | None, now: Contract | None) -> str:
    """What has changed, as a diff that a person reads; empty when nothing has."""
    lines = difflib.unified_diff(_lines(before), _lines(now), "reviewed", "now", n=2, lineterm="")
    return "\n".join(lines)


def _lines(contract: Contract | None) -> list[str]:
    if contract is None:
        return []
    # As YAML with escapes, so that no character hides from the reader.
    text: str = yaml.safe_dump(contract.to_json(), sort_keys=True, allow_unicode=False, width=100)
    return text.splitlines()


def _identity(names: list[str] | None) -> Callable[[Mapping[str, Any]], str] | None:
    if not names:
        return None
    return lambda arguments: json.dumps([arguments.get(name) for name in names], sort_keys=True)


def _confirmed(arguments: Mapping[str, Any], note: str) -> dict[str, Any]:
    return {"text": note or "A person says that it happened."}


def _confirmed_as_json(arguments: Mapping[str, Any], note: str) -> dict[str, Any]:
    """The person's words have to be the result, as JSON; anything else fits no schema."""
    try:
        said = json.loads(note)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
