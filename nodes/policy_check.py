"""May this proposal run? Every proposal passes here, an approved or edited one too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from langgraph.runtime import Runtime

from core.actions import PolicyDecision, Proposal
from core.canonical import sha256
from core.controls import Controls
from core.events import event
from core.people import Approver
from core.reviews import action_request, at_stake, blocker_request, lockdown_request, question_request
from core.state import Json, ThreadState
from nodes.bindings import Bindings
from nodes.levels import noticed
from nodes.origins import origins_of
from nodes.planner import ASK_HUMAN, Node, call_site, declined
from nodes.views import view_of
from policy.check import Approval, Judgement, Standing, in_words, judge, takes
from policy.limits import MAX_FEEDBACK
from policy.people import approval_of


def policy_check(bound: Bindings) -> Node:
    async def node(state: ThreadState, runtime: Runtime[Any]) -> Json:
        proposal = Proposal.model_validate(state["proposal"])
        site = call_site(state, runtime)
        approver = await bound.approvals.approver(site.thread_id, proposal.hash)
        approval, editor = _approval(bound, state, proposal, approver)
        origins = await origins_of(bound, state, proposal)
        standing = Standing(
            state.get("offered", ()),
            state.get("rejected", ()),
            approval,
            origins,
            bound.domain.card.scope,
            state.get("trust_tier") == "tainted",
            editor,
        )
        spec = bound.domain.tools.get(proposal.action)
        task_type = spec.task_type if spec else proposal.action
        controls = await bound.authorities.in_force(site, {task_type})
        exhausted = await bound.budgets.exhausted(site, takes(proposal, bound.domain.tools, origins))
        situation = bound.situation(site.tenant, controls, task_type, exhausted)
        judged = in_words(judge(bound.gate, proposal, bound.domain.tools, situation, standing), exhausted)
        seen = noticed(state, controls)
        asked = {"approver": asdict(approver) if approver else None, "exhausted": exhausted}
        said = _said(bound, proposal, judged, approval, controls, asked)
        # An approval that the rules do not accept, such as one's own, lets nothing through.
        accepted = approval if approval and judged.decision.outcome == "allow" else None
        policy = judged.decision.to_json() | {"approved_by": accepted.by if accepted else None}
        if accepted:
            policy["approved_as"] = accepted.role
        update: Json = seen | {"policy": policy, "events": [*seen["events"], said]}
        if judged.facts is not None and judged.facts.trust == "tainted":
            update["trust_tier"] = "tainted"  # for good, whatever becomes of the results that brought it
        if judged.outside:
            update["events"].append(declined(_declined(bound, judged)))
        if _only_lockdown(bound, judged):
            held = lockdown_request(controls.lockdown, judged.shown or proposal)
            return update | {"review": held | {"action_hash": proposal.hash}}
        return update | await _next(bound, state, proposal, judged)

    return node


async def _next(bound: Bindings, state: ThreadState, proposal: Proposal, judged: Judgement) -> Json:
    decision = judged.decision
    if judged.outside:
        return {"review": blocker_request(proposal.action, "policy_violation", _declined(bound, judged), proposal)}
    if decision.outcome == "deny":
        return _back_to_planner(state, proposal, judged)
    if proposal.action == ASK_HUMAN:
        return {"review": question_request(proposal)}
    shown = judged.shown or proposal
    if decision.by_hand:
        return _by_hand(state, shown, decision)
    if decision.outcome == "review" and not _scored(bound, proposal):
        view = await view_of(bound.artifacts, bound.domain.reads, state)
        asked = action_request(shown, decision, None, bound.domain.explain(view, shown))
        return {
            "review": asked
            | {"action_hash": proposal.hash}
            | at_stake(bound.domain.tools[shown.action], shown.arguments)
        }
    return {}


def _only_lockdown(bound: Bindings, judged: Judgement) -> bool:
    """Whether the call would pass, or a person be asked, but for lockdown: then it waits as it is, approved or not."""
    facts = judged.facts
    if facts is None or not facts.lockdown or judged.decision.outcome != "deny":
        return False
    return bound.gate.decide(replace(facts, lockdown=False)).outcome != "deny"


def _declined(bound: Bindings, judged: Judgement) -> str:
    return f"{bound.domain.card.scope.decline} ({judged.outside})"


def _approval(
    bound: Bindings, state: ThreadState, proposal: Proposal, approver: Approver | None
) -> tuple[Approval | None, Approval | None]:
    """(the approval of exactly this proposal, whose edit it is)"""
    if approver is None:
        return None, None
    return approval_of(bound.environment, approver, proposal.hash, state["task"].get("requester"))


def _said(
    bound: Bindings,
    proposal: Proposal,
    judged: Judgement,
    approval: Approval | None,
    controls: Controls,
    asked: Mapping[str, Any],
) -> Json:
    """The decision with all it rests on, so that it can be made again: labels and hashes, no content. `asked`: what
    the ports have answered that the facts were made of."""
    decision = judged.decision
    answered: Json = {name: value for name, value in asked.items() if value}
    if judged.facts is None:
        answered["controls"] = controls.to_json()  # else they are among the facts
    return event(
        "policy_check",
        proposal=proposal.id,
        action=proposal.action,
        action_hash=proposal.hash,
        outcome=decision.outcome,
        by_hand=decision.by_hand,
        rules=list(decision.rules),
        reasons=list(decision.reasons),
        approved_by=approval.by if approval else None,
        **answered,
        policies=bound.gate.policies.hash[:16],
        facts=judged.facts.recorded() if judged.facts else None,
        origins=dict(judged.labels),
        arguments={name: sha256(value)[:16] for name, value in proposal.arguments.items()},
    )


def _scored(bound: Bindings, proposal: Proposal) -> bool:
    """A decision point that policy sends to a person is scored first, so that the person sees the score."""
    return bound.domain.tools[proposal.action].decision_point


def _by_hand(state: ThreadState, shown: Proposal, decision: PolicyDecision) -> Json:
    """Prepared, and handed to a person. It is not offered again: whether it was done is for them to say."""
    message = f"{shown.action} is prepared. {'; '.join(decision.reasons)}. Do it yourself, then hand back."
    asked = blocker_request(shown.action, "policy_violation", message, shown)
    return {"review": asked, "declined": [*state.get("declined", []), shown.action]}


def _back_to_planner(state: ThreadState, proposal: Proposal, judged: Judgement) -> Json:
    counters, decision = state.get("counters", {}), judged.decision
    item = {
        "kind": "invalid" if decision.invalid else "denied",
        "action": proposal.action,
        "reasons": list(decision.reasons),
        "message": "; ".join(decision.reasons),
    }
    return {
        "proposal": None,
        "counters": {**counters, "attempts": counters.get("attempts", 0) + 1},
        "feedback": [*state.get("feedback", []), item][-MAX_FEEDBACK:],
    }
