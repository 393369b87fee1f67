"""Should a person be asked? Gathers signals through ports; the score itself is pure."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from core.actions import PolicyDecision, Proposal
from core.events import event
from core.reviews import action_request, at_stake
from core.state import Json, ThreadState
from escalation.score import Signals, score
from nodes.bindings import Bindings
from nodes.origins import shown
from nodes.planner import Node
from nodes.views import view_of


def escalation_score(bound: Bindings) -> Node:
    async def node(state: ThreadState, runtime: Runtime[Any]) -> Json:
        proposal = Proposal.model_validate(state["proposal"])
        policy = PolicyDecision.model_validate({k: v for k, v in (state["policy"] or {}).items() if k != "approved_by"})
        view = await view_of(bound.artifacts, bound.domain.reads, state)
        tenant, task_type = state["task"]["tenant"], proposal.action
        changed, decided = await bound.history.changed(tenant, task_type)
        reading = await bound.novelty.nearest(tenant, task_type, bound.domain.situation(view, task_type))
        # Nothing is certified yet, so no threshold exists up to which a task type acts alone.
        signals = Signals(proposal.report, reading, changed, decided, None, bound.domain.reasons(view, proposal))
        scored = score(signals)
        said = event("escalation", proposal=proposal.id, action=task_type, **scored.to_json(), similar=reading.similar)
        update: Json = {"escalation": scored.to_json(), "events": [said]}
        if scored.band == "proceed" and policy.outcome == "allow":
            return update
        filled = await shown(bound.artifacts, state, proposal)
        asked = action_request(filled, policy, scored, bound.domain.explain(view, filled))
        stake = at_stake(bound.domain.tools[task_type], filled.arguments)
        return update | {"review": asked | {"action_hash": proposal.hash} | stake}

    return node
