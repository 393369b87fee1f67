"""The whole check of a proposal: known? → offered? → schema → rejected before? → Cedar. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from core.actions import PolicyDecision, Proposal
from core.tools import ToolSpec
from core.vocabulary import Authority, Environment
from policy.facts import Facts
from policy.gate import CedarGate


@dataclass(frozen=True, slots=True)
class Situation:
    """What holds for all calls of a run."""

    domain: str
    tenant: str
    environment: Environment
    authority: Authority
    offline: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where this proposal stands: what was offered, what people have said no to, and who approved exactly this."""

    offered: Collection[str]
    rejected: Collection[str]
    approver: str | None


def facts_of(spec: ToolSpec, situation: Situation, approved: bool) -> Facts:
    return Facts(
        domain=situation.domain,
        tool=spec.name,
        tenant=situation.tenant,
        environment=situation.environment,
        authority=situation.authority,
        model="offline" if situation.offline else "remote",
        tier=spec.tier,
        risk=spec.risk,
        approved=approved,
    )


def offer(
    gate: CedarGate, candidates: Collection[str], tools: Mapping[str, ToolSpec], situation: Situation
) -> tuple[str, ...]:
    """The candidates that policy does not deny outright, in their order."""
    return tuple(
        name
        for name in candidates
        if name in tools and gate.decide(facts_of(tools[name], situation, approved=False)).outcome != "deny"
    )


def check(
    gate: CedarGate, proposal: Proposal, tools: Mapping[str, ToolSpec], situation: Situation, standing: Standing
) -> PolicyDecision:
    """allow, review or deny, with reasons. Anything unknown is denied."""
    spec = tools.get(proposal.action)
    if spec is None:
        return _invalid(f"there is no tool {proposal.action}")
    if proposal.action not in standing.offered:
        return _invalid(f"{proposal.action} was not offered; the offer was {', '.join(standing.offered) or 'nothing'}")
    if problems := schema_problems(spec, proposal.arguments):
        return _invalid(*problems)
    if proposal.hash in standing.rejected and standing.approver is None:
        return _invalid("a person rejected exactly this proposal before")
    return gate.decide(facts_of(spec, situation, approved=standing.approver is not None))


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


def _invalid(*reasons: str) -> PolicyDecision:
    return PolicyDecision(outcome="deny", reasons=reasons, invalid=True)
