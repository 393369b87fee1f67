"""What a tool declares about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal

from pydantic import BaseModel

from core.canonical import sha256
from core.vocabulary import TIERS, Idempotency, Risk, Tier

_HANDLE: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": 'Or a reference to an earlier result, {"$ref": "NAME"} or {"$ref": "NAME#/json/pointer"}.',
    "additionalProperties": {"type": "string"},
    "maxProperties": 1,
}
"""Not spelled out with a property called $ref: readers of schemas would follow it."""

TASK_ENTRY: Final = "task:"
PROFILE_ENTRY: Final = "profile:"
ListKind = Literal["host", "recipient", "path", "value"]


@dataclass(frozen=True, slots=True)
class Allowlist:
    """What one argument may be. `host`: of an address, or below it; `recipient`: an address or `@domain`; `path`: at or
    below a folder. An entry `task:FIELD` or `profile:FIELD` stands for that field, a text or a list of texts."""

    kind: ListKind
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """The contract of one tool. `cost` is in budget units, `timeout` in seconds, `attempts` counts the first call."""

    name: str
    summary: str
    arguments: type[BaseModel]
    result: type[BaseModel]
    tier: Tier
    idempotency: Idempotency
    cost: int
    timeout: float
    attempts: int = 1
    risk: Risk = "normal"
    decision_point: bool = False
    egress: bool = False
    control_arguments: frozenset[str] = frozenset()
    bindings: Mapping[str, str] = field(default_factory=dict)
    """Arguments the model never writes: filled from `result:NAME` (an artifact's hash) or `task:FIELD`."""
    produces: str = ""
    """Name under which the result enters the state; `{argument}` is filled in."""
    invalidates: tuple[str, ...] = ()
    """Results that no longer hold once this tool has succeeded."""
    rejection_is_final: bool = False
    """A person's no ends the matter: the tool is not offered again in this thread."""
    identity: Callable[[Mapping[str, Any]], str] | None = None
    """Business identity of the operation, e.g. site + slug; None: the proposal itself."""
    key_lifetime: float | None = None
    """For an idempotent tool: seconds the far side remembers a key from its first use; None: for ever."""
    when_confirmed: Callable[[Mapping[str, Any], str], dict[str, Any]] | None = None
    """(arguments, note) -> the result, when a person says that a call without an answer took effect."""
    raised_tier: Callable[[Mapping[str, Any]], Tier] | None = None
    """Tier that these very arguments call for, such as guests of a calendar entry. Read with `tier_of`."""
    decides: str = ""
    """What a decision point settles, in a noun such as `angle`, for reasons that people read. In no version's hash."""
    judged_by: str = ""
    """The decision point that judges what this tool makes; its certificate counts for this tool too."""
    amount: str = ""
    """The argument that is an amount, in the smallest unit of its currency."""
    amount_limit: int | None = None
    """The most that one call may be for; more is denied."""
    amount_limit_in: str = ""
    """The field of the profile that lowers it; where it is no whole number, nothing is allowed."""
    allowed: Mapping[str, Allowlist] = field(default_factory=dict)
    """Argument -> what it may be; anything else is denied."""

    @property
    def task_type(self) -> str:
        """What this tool's record is kept under."""
        return self.judged_by or self.name

    def tier_of(self, arguments: Mapping[str, Any]) -> Tier:
        """The tier of a call with these arguments: never below the declared one."""
        raised = self.raised_tier(arguments) if self.raised_tier else self.tier
        if raised not in TIERS:
            return TIERS[-1]
        return max(self.tier, raised, key=TIERS.index)

    def model_schema(self) -> dict[str, Any]:
        """JSON schema of the arguments as the model is offered them: without the bound ones, and with a handle to an
        earlier result in place of any control argument."""
        schema = _schema(self.arguments)
        properties = {
            key: {"anyOf": [value, _HANDLE]} if key in self.control_arguments else value
            for key, value in schema.get("properties", {}).items()
            if key not in self.bindings
        }
        required = [key for key in schema.get("required", []) if key not in self.bindings]
        return {**schema, "properties": properties, "required": required}

    def produced_name(self, arguments: Mapping[str, Any]) -> str:
        return (self.produces or self.name).format(**arguments)

    def operation_key(self, tenant: str, thread_id: str, proposal_id: str, arguments: Mapping[str, Any]) -> str:
        """Idempotency key of one operation; see the ledger. Never a version or an id of the framework."""
        identity = [self.identity(arguments)] if self.identity else [thread_id, proposal_id]
        return sha256([tenant, self.name, *identity])

    @property
    def reads_profile(self) -> bool:
        """Whether a fact about a call depends on the profile: on what a literal may be, or on a limit."""
        listed = any(entry.startswith(PROFILE_ENTRY) for each in self.allowed.values() for entry in each.entries)
        return bool(self.control_arguments - set(self.bindings)) or listed or bool(self.amount_limit_in)

    def fingerprint(self) -> str:
        """Hash of everything declared: part of the behaviour version."""
        return sha256([
            self.name, self.summary, _schema(self.arguments), _schema(self.result), self.tier,
            self.idempotency, self.cost, self.timeout, self.attempts, self.risk, self.decision_point, self.egress,
            sorted(self.control_arguments), dict(self.bindings), self.produces, self.invalidates, self.key_lifetime,
            self.raised_tier is not None, self.judged_by, self.amount, self.amount_limit,
            {name: [listed.kind, *listed.entries] for name, listed in self.allowed.items()},
            *([self.amount_limit_in] if self.amount_limit_in else []),
        ])  # fmt: skip


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()
