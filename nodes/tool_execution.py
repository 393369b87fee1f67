"""Runs the allowed action through the ledger, and says what kind of failure it was when it fails."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from core.actions import Proposal, Ref
from core.errors import ToolError
from core.events import event
from core.failures import FAILURES, classify, may_pass
from core.ports import CallSite, Performed
from core.retries import postponement
from core.reviews import at_stake, blocker_request, unknown_effect_request
from core.state import Json, ThreadState
from core.tools import ToolSpec
from nodes.bindings import Bindings
from nodes.planner import Node, call_site
from nodes.views import view_of
from policy.limits import MAX_FEEDBACK


def tool_execution(bound: Bindings) -> Node:
    async def node(state: ThreadState, runtime: Runtime[Any]) -> Json:
        proposal = Proposal.model_validate(state["proposal"])
        spec = bound.domain.tools[proposal.action]
        site = call_site(state, runtime)
        results = {name: Ref.model_validate(ref) for name, ref in state.get("results", {}).items()}
        policy = state["policy"] or {}
        gated = bool(policy.get("approved_by")) or spec.tier == "irreversible"
        try:
            performed = await bound.executor.perform(
                site, proposal, state["task"], results, gated, policy.get("approved_as")
            )
        except ToolError as error:
            if _passes(error, bound):
                raise
            return _failed(state, proposal, spec, error)
        update = _succeeded(state, proposal, spec, performed)
        if spec.decision_point and (forgotten := await _remember(bound, state, site, proposal)):
            update["events"].append(event("observation", what=f"{proposal.action} not remembered", why=forgotten))
        return update

    return node


def _passes(error: ToolError, bound: Bindings) -> bool:
    """Whether the thread is tried again later as it stands; raising leaves that to whoever stores the run."""
    return may_pass(error.failure_class) and postponement(bound.postponed, error.retry_after) is not None


async def _remember(bound: Bindings, state: ThreadState, site: CallSite, proposal: Proposal) -> str:
    """Later tasks of this type are compared with this one. Keyed by thread: a repeat changes nothing."""
    view = await view_of(bound.artifacts, bound.domain.reads, state)
    situation = bound.domain.situation(view, proposal.action)
    return await bound.novelty.remember(site.tenant, proposal.action, site.thread_id, situation)


def _succeeded(state: ThreadState, proposal: Proposal, spec: ToolSpec, performed: Performed) -> Json:
    kept = {name: ref for name, ref in state.get("results", {}).items() if name not in spec.invalidates}
    # The source is with the artifact; the state is stored again at each step.
    made = {name: ref.model_copy(update={"source": ""}).to_json() for name, ref in performed.results.items()}
    of_action = {"proposal": proposal.id, "action": proposal.action}
    hashes = {name: ref.sha256 for name, ref in performed.results.items()}
    events = [
        *(event("tool_attempt", **said) for said in performed.said),
        event("tool_call", **of_action, attempts=performed.attempts, replayed=performed.replayed),
        event("tool_result", **of_action, results=hashes, labels=_labels(made), summary=performed.summary),
    ]
    if spec.tier != "read-only":
        events.append(event("commit", **of_action, action_hash=proposal.hash, tier=spec.tier))
    told = [item for item in state.get("feedback", []) if item["action"] not in ("", proposal.action)]
    update: Json = {
        "results": kept | made,
        "proposal": None,
        "counters": {**state.get("counters", {}), "attempts": 0},
        "events": events,
    }
    # LangGraph stores a channel again each time a node names it, changed or not.
    return update if told == state.get("feedback", []) else update | {"feedback": told}


def _labels(made: Json) -> Json:
    """Media and trust of results where they are not as usual: what a replay puts into the state again."""
    labels = {name: {key: said for key, said in ref.items() if key != "sha256"} for name, ref in made.items()}
    return {name: label for name, label in labels.items() if label}


def _failed(state: ThreadState, proposal: Proposal, spec: ToolSpec, error: ToolError) -> Json:
    failure_class = classify(error)
    response = FAILURES[failure_class].response
    if response == "stop":
        raise error
    counters = state.get("counters", {})
    of_call: Json = {"action": proposal.action, "proposal": proposal.id, "message": str(error)}
    if error.operation is not None:
        of_call["operation"] = dict(error.operation)
    if error.evidence:
        of_call["evidence"] = error.evidence
    if error.judge_again:
        return {"policy": None, "events": [event("failure", **{"class": failure_class}, **of_call, judge_again=True)]}
    failure = event("failure", **{"class": failure_class}, **of_call)
    tried = [event("tool_attempt", **said) for said in error.attempts]
    update: Json = {
        "counters": {**counters, "attempts": counters.get("attempts", 0) + 1},
        "events": [*tried, failure],
    }
    stake = at_stake(spec, proposal.arguments)
    if error.operation is not None:
        return update | {"review": unknown_effect_request(proposal, error.operation, str(error)) | stake}
    if response == "person":
        return update | {"review": blocker_request(proposal.action, failure_class, str(error), proposal) | stake}
    item = {"kind": "failed", "action": proposal.action, "reasons": [str(error)], "message": str(error)}
    return update | {"proposal": None, "feedback": [*state.get("feedback", []), item][-MAX_FEEDBACK:]}
