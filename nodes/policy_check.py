"""May this proposal run? Every proposal passes here, an approved or edited one too."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from core.actions import PolicyDecision, Proposal
from core.events import event
from core.reviews import action_request, question_request
from core.state import Json, ThreadState
from nodes.bindings import Bindings
from nodes.planner import Node, call_site
from nodes.views import view_of
from policy.check import Standing, check
from policy.limits import MAX_FEEDBACK

ASK_HUMAN = "ask_human"


def policy_check(bound: Bindings) -> Node:
    async def node(state: ThreadState, runtime: Runtime[Any]) -> Json:
        proposal = Proposal.model_validate(state["proposal"])
        site = call_site(state, runtime)
        approver = await bound.approvals.approver(site.thread_id, proposal.hash)
        standing = Standing(state.get("offered", ()), state.get("rejected", ()), approver)
        decision = check(bound.gate, proposal, bound.domain.tools, bound.situation(site.tenant), standing)
        said = event(
            "policy_check",
            proposal=proposal.id,
            action=proposal.action,
            action_hash=proposal.hash,
            outcome=decision.outcome,
            rules=list(decision.rules),
            reasons=list(decision.reasons),
            approved_by=approver,
            authority=bound.authority,
        )
        update: Json = {"policy": decision.to_json() | {"approved_by": approver}, "events": [said]}
        if decision.outcome == "deny":
            return update | _back_to_planner(state, proposal, decision)
        if proposal.action == ASK_HUMAN:
            return update | {"review": question_request(proposal)}
        if decision.outcome == "review" and not _scored(bound, proposal):
            view = await view_of(bound.artifacts, bound.domain.reads, state)
            asked = action_request(proposal, decision, None, bound.domain.explain(view, proposal))
            return update | {"review": asked}
        return update

    return node


def _scored(bound: Bindings, proposal: Proposal) -> bool:
    """A decision point that policy sends to a person is scored first, so that the person sees the score."""
    return bound.domain.tools[proposal.action].decision_point


def _back_to_planner(state: ThreadState, proposal: Proposal, decision: PolicyDecision) -> Json:
    counters = state.get("counters", {})
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
