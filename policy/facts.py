"""The facts of one call: everything a policy may ask about. Computed here, decided over in rules/*.cedar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, Self

from core.errors import BadInput
from core.tools import ToolSpec
from core.vocabulary import ActorRole, Authority, Environment, Risk, Tier, Trust, TrustTier, members
from policy.allowlists import on_list

MOST: Final = 2**62
"""An amount above every limit: what an amount that cannot be read counts as."""

Committer = Literal["tool", "person"]
ModelKind = Literal["offline", "remote"]
ApproverRole = Literal["none", "viewer", "reviewer", "publisher", "admin"]

VOCABULARY: Final[Mapping[str, tuple[str, ...]]] = {
    "environment": members(Environment),
    "authority": members(Authority),
    "model": members(ModelKind),
    "role": members(ActorRole),
    "tier": members(Tier),
    "risk": members(Risk),
    "trust": members(TrustTier),
    "approver_role": members(ApproverRole),
    "committed_by": members(Committer),
    "control": members(Trust),
}
"""Fact -> its words. A word that is not here is denied as a fact and refused in a rule."""


_USUAL: Final[Mapping[str, Any]] = {
    "approved": False, "approver_role": "none", "own_request": False, "role": "agent", "egress": False, "amount": 0,
    "amount_limit": MOST - 1, "listed": True, "exhausted": [], "certified": False, "in_scope": True, "lockdown": False,
    "committed_by": "tool", "risk": "normal",
}  # fmt: skip
"""What a recorded fact is where nothing else is said. Never to be changed: what was recorded would change with it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of one call, as the schema in rules/schema.cedarschema names and explains them."""

    domain: str
    tool: str
    tenant: str
    environment: Environment
    authority: Authority
    model: ModelKind
    tier: Tier
    risk: Risk
    approved: bool
    approver_role: ApproverRole
    own_request: bool
    actor: str
    role: ActorRole
    task_type: str
    trust: TrustTier
    control: frozenset[Trust]
    egress: bool
    cost: int
    amount: int
    amount_limit: int
    listed: bool
    exhausted: frozenset[str]
    certified: bool
    in_scope: bool
    lockdown: bool
    committed_by: Committer = "tool"

    def context(self) -> dict[str, Any]:
        """The facts as Cedar and events take them: plain JSON, sets in a fixed order."""
        facts: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__[2:]}
        return facts | {"control": sorted(self.control), "exhausted": sorted(self.exhausted)}

    def to_json(self) -> dict[str, Any]:
        return {"domain": self.domain, "tool": self.tool, **self.context()}

    def recorded(self) -> dict[str, Any]:
        """As to_json, without what is as usual: each step stores this."""
        return {name: fact for name, fact in self.to_json().items() if name not in _USUAL or fact != _USUAL[name]}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """From either form. Raises BadInput for facts that another release recorded."""
        said = {**_USUAL, **said}
        names = {each.name for each in fields(cls)}
        if set(said) != names:
            other = ", ".join(sorted(set(said) ^ names))
            raise BadInput(f"These facts were recorded by another release (it differs in {other}).")
        sets = {name: frozenset(said[name]) for name in ("control", "exhausted")}
        return cls(**{**said, **sets})

    def unknown(self) -> tuple[str, ...]:
        """Facts whose word is in no vocabulary, each as `environment "moon"`."""
        found = []
        for name, words in VOCABULARY.items():
            value = getattr(self, name)
            for word in value if isinstance(value, frozenset) else (value,):
                if word not in words:
                    found.append(f'{name} "{word}"')
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Situation:
    """What holds for all calls of a run. `certified`: task types that may act alone; `exhausted`: names of limits."""

    domain: str
    tenant: str
    environment: Environment
    authority: Authority
    offline: bool
    lockdown: bool = False
    exhausted: frozenset[str] = frozenset()
    certified: frozenset[str] = frozenset()
    tainted: bool = False
    """For an offer: whether untrusted content has entered the thread. Of a call it is found out with its arguments."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A decided review. `of` is the hash that it allows; `own`: given by who asked for the work."""

    by: str
    role: ApproverRole
    of: str
    own: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One call as facts are computed from it. `labels`: argument -> where its value came from."""

    spec: ToolSpec
    arguments: Mapping[str, Any]
    labels: Mapping[str, Trust]
    hash: str
    task: Mapping[str, Any]
    tainted: bool
    in_scope: bool
    editor: Approval | None = None
    """Whose edit this is, when it is one."""
    profile: Mapping[str, Any] = field(default_factory=dict)
    """Empty where no fact about this tool depends on it."""


def facts_of(call: Call, situation: Situation, approval: Approval | None) -> Facts:
    """The facts of this very call. An approval of anything else is none."""
    spec = call.spec
    valid = approval if approval is not None and approval.of == call.hash else None
    control = spec.control_arguments & call.arguments.keys()
    listed = (on_list(each, call.arguments.get(name), call.task, call.profile) for name, each in spec.allowed.items())
    return Facts(
        **_standing(spec, situation) | {"amount_limit": limit_of(spec, call.profile)},
        tier=spec.tier_of(call.arguments),
        approved=valid is not None,
        approver_role=valid.role if valid else "none",
        own_request=valid.own if valid else False,
        actor=call.editor.by if call.editor else situation.domain,
        role=_role(call.editor),
        trust="tainted" if call.tainted else "clean",
        control=frozenset(call.labels[name] for name in control),
        amount=amount_of(spec, call.arguments),
        listed=all(listed),
        in_scope=call.in_scope,
    )


def typical(spec: ToolSpec, situation: Situation) -> Facts:
    """Facts of a call that has everything going for it: what is denied even so is not offered."""
    return Facts(
        **_standing(spec, situation),
        tier=spec.tier,
        approved=False,
        approver_role="none",
        own_request=False,
        actor=situation.domain,
        role="agent",
        trust="tainted" if situation.tainted else "clean",
        control=frozenset(),
        amount=0,
        listed=True,
        in_scope=True,
    )


def _standing(spec: ToolSpec, situation: Situation) -> dict[str, Any]:
    """The facts that are the same for every call of a tool."""
    return {
        "domain": situation.domain,
        "tool": spec.name,
        "tenant": situation.tenant,
        "environment": situation.environment,
        "authority": situation.authority,
        "model": "offline" if situation.offline else "remote",
        "risk": spec.risk,
        "task_type": spec.task_type,
        "egress": spec.egress,
        "cost": spec.cost,
        "amount_limit": limit_of(spec, None),
        "exhausted": situation.exhausted,
        "certified": spec.task_type in situation.certified,
        "lockdown": situation.lockdown,
    }


def amount_of(spec: ToolSpec, arguments: Mapping[str, Any]) -> int:
    """The amount in the smallest unit, rounded up; MOST when it cannot be read."""
    if not spec.amount:
        return 0
    value = arguments.get(spec.amount)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return MOST
    return max(-MOST, min(MOST, math.ceil(value)))


def limit_of(spec: ToolSpec, profile: Mapping[str, Any] | None) -> int:
    """The most that one call may be for, in the smallest unit; without a profile, what the tool itself allows."""
    most = MOST - 1 if spec.amount_limit is None else spec.amount_limit
    if profile is None or not spec.amount_limit_in:
        return most
    lower = profile.get(spec.amount_limit_in)
    return min(most, lower) if isinstance(lower, int) and not isinstance(lower, bool) else -1


def authority_in(environment: Environment) -> Authority:
    """Authority where nothing is certified yet: `local` executes, so that a newcomer can approve and publish."""
    return "execute" if environment == "local" else "suggest"


def _role(editor: Approval | None) -> ActorRole:
    if editor is None:
        return "agent"
    return "viewer" if editor.role == "none" else editor.role
