"""The whole check of a proposal: known? → offered? → handles → schema → rejected before? → facts → Cedar. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from core.actions import PolicyDecision, Proposal
from core.domain import Scope
from core.handles import BadHandle, Origins, Resolved, resolved
from core.tools import ToolSpec
from core.vocabulary import SpendUnit, Trust
from policy.budgets import of_call
from policy.facts import Approval, Call, Facts, Situation, facts_of, typical
from policy.scope import outside

if TYPE_CHECKING:
    from policy.gate import CedarGate

__all__ = [
    "Approval",
    "Judgement",
    "Situation",
    "Standing",
    "check",
    "in_words",
    "judge",
    "offer",
    "schema_problems",
    "takes",
]


REJECTED_DIGITS: Final = 16
"""Of a rejected proposal's hash, those that are remembered: a state holds them all, and an accident among 64 bits would
only ask the planner for another proposal."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where this proposal stands: what was offered, what people have said no to, and who approved exactly this."""

    offered: Collection[str]
    rejected: Collection[str]
    approval: Approval | None = None
    origins: Origins = field(default_factory=Origins)
    scope: Scope = field(default_factory=Scope)
    tainted: bool = False
    """Whether untrusted content was in the thread before, even if nothing of it is left."""
    editor: Approval | None = None
    """Whose edit it is, when it is one; it counts as an approval only where nobody else is needed."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision with what it rests on. Without facts the proposal never reached the rules."""

    decision: PolicyDecision
    facts: Facts | None = None
    labels: Mapping[str, Trust] = field(default_factory=dict)
    """Argument -> where its value came from."""
    shown: Proposal | None = None
    """The proposal with its handles filled in: what a person is shown. Its hash is not what is approved."""
    outside: str = ""
    """Why it is outside of the mandate."""


def offer(
    gate: CedarGate,
    candidates: Collection[str],
    tools: Mapping[str, ToolSpec],
    situation: Callable[[str], Situation],
) -> tuple[str, ...]:
    """The candidates that policy would not deny for a typical call, in their order. `situation`: of a task type."""
    known = [tools[name] for name in candidates if name in tools]
    return tuple(spec.name for spec in known if gate.decide(typical(spec, situation(spec.task_type))).outcome != "deny")


def check(
    gate: CedarGate, proposal: Proposal, tools: Mapping[str, ToolSpec], situation: Situation, standing: Standing
) -> PolicyDecision:
    """allow, review or deny, with reasons. Anything unknown is denied."""
    return judge(gate, proposal, tools, situation, standing).decision


def judge(
    gate: CedarGate, proposal: Proposal, tools: Mapping[str, ToolSpec], situation: Situation, standing: Standing
) -> Judgement:
    """As check, with the facts."""
    spec = tools.get(proposal.action)
    if spec is None:
        return _invalid(f"there is no tool {proposal.action}")
    if proposal.action not in standing.offered:
        return _invalid(f"{proposal.action} was not offered; the offer was {', '.join(standing.offered) or 'nothing'}")
    try:
        values = resolved(proposal.arguments, standing.origins, spec.bindings)
    except BadHandle as error:
        return _invalid(str(error))
    if problems := schema_problems(spec, values.arguments):
        return _invalid(*problems)
    if _rejected_before(proposal, standing) and standing.approval is None:
        return _invalid("a person rejected exactly this proposal before")
    return _judged(gate, proposal, spec, situation, standing, values)


def _rejected_before(proposal: Proposal, standing: Standing) -> bool:
    return proposal.hash[:REJECTED_DIGITS] in {rejected[:REJECTED_DIGITS] for rejected in standing.rejected}


def takes(proposal: Proposal, tools: Mapping[str, ToolSpec], origins: Origins) -> dict[SpendUnit, int]:
    """What this very call takes of the limits; nothing for one that will not pass as it is."""
    spec = tools.get(proposal.action)
    if spec is None:
        return {}
    try:
        return of_call(spec, spec.tier_of(resolved(proposal.arguments, origins, spec.bindings).arguments))
    except BadHandle:
        return {}


def _judged(
    gate: CedarGate, proposal: Proposal, spec: ToolSpec, situation: Situation, standing: Standing, values: Resolved
) -> Judgement:
    task = standing.origins.task
    strange = outside(standing.scope, spec, values.arguments, task)
    call = Call(
        spec=spec,
        arguments=values.arguments,
        labels=values.labels,
        hash=proposal.hash,
        task=task,
        tainted=standing.tainted or standing.origins.tainted,
        in_scope=not strange,
        editor=(standing.editor or standing.approval) if proposal.parent_id else None,
        profile=standing.origins.profile,
    )
    facts = facts_of(call, situation, standing.approval)
    shown = proposal.model_copy(update={"arguments": values.arguments})
    return Judgement(_with_origins(gate.decide(facts), call), facts, values.labels, shown, strange)


def _with_origins(decision: PolicyDecision, call: Call) -> PolicyDecision:
    """A review says which of the control arguments nobody trustworthy supplied."""
    doubtful = [
        f"{name} comes from {'untrusted content' if label == 'untrusted' else 'the model'}"
        for name, label in sorted(call.labels.items())
        if call.tainted and name in call.spec.control_arguments and label in ("model", "untrusted")
    ]
    if decision.outcome != "review" or not doubtful:
        return decision
    return decision.model_copy(update={"reasons": (*decision.reasons, *doubtful)})


def in_words(judged: Judgement, exhausted: Mapping[str, str]) -> Judgement:
    """A review says which limits are used up, and by how much. `exhausted`: name -> that in words."""
    decision = judged.decision
    if decision.outcome != "review" or not exhausted:
        return judged
    reasons = (*decision.reasons, *exhausted.values())
    return replace(judged, decision=decision.model_copy(update={"reasons": reasons}))


def schema_problems(spec: ToolSpec, arguments: Mapping[str, object]) -> tuple[str, ...]:
    """Where `arguments` do not match the tool's schema, in words; empty when they do."""
    try:
        spec.arguments.model_validate(arguments, strict=False)
    except ValidationError as error:
        return tuple(
            f"{'.'.join(str(part) for part in item['loc']) or spec.name}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()
        )
    return ()


def _invalid(*reasons: str) -> Judgement:
    return Judgement(PolicyDecision(outcome="deny", reasons=reasons, invalid=True))
