"""Asks a person and applies the answer. LangGraph re-runs a node on resume, so nothing precedes `interrupt()`."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from core.actions import Proposal
from core.events import event
from core.reviews import answer_of, edited
from core.state import Json, ThreadState
from nodes.bindings import Bindings
from nodes.planner import Node
from policy.check import REJECTED_DIGITS
from policy.limits import MAX_FEEDBACK


def human_review(bound: Bindings) -> Node:
    async def node(state: ThreadState, runtime: Runtime[Any]) -> Json:
        payload = interrupt(state["review"])
        return apply_answer(state, payload["decisions"][0] | {"review": payload.get("review")}, bound)

    return node


def apply_answer(state: ThreadState, said: Json, bound: Bindings) -> Json:
    """What a person's answer does to the state. Pure.

    `said` is one decision as it comes over the wire: type approve, edit (edited_action, proposal_id), reject (message)
    or respond (message, choice). Approval is not taken from here: policy_check looks it up.
    """
    review = state["review"] or {}
    answer = answer_of(review["kind"], said["type"], said.get("choice"))
    applied = event("review_applied", said.get("by", "person"), review=said.get("review"), answer=answer)
    update: Json = {"review": None, "counters": {**state.get("counters", {}), "attempts": 0}, "events": [applied]}
    match answer:
        case "approve":
            return update
        case "edit":
            proposal = Proposal.model_validate(state["proposal"])
            return update | {"proposal": edited(proposal, said["edited_action"]["args"], said["proposal_id"]).to_json()}
        case "reject":
            return update | _rejection(state, review, said, bound)
        case "happened" | "did_not_happen":
            return update  # the decision has told the ledger; the claim will find it
        case "abandon" if review["kind"] == "unknown_effect":
            return update | _given_up(state, review, said, bound)
        case "hand_back" if _waited_for_lockdown(state, review, said):
            return update  # policy judges the same proposal again
        case "abandon":
            return update | {"proposal": None, "ending": {"status": "stopped", "reason": "a person abandoned it"}}
        case _:
            kind = "answer" if answer == "answer" else "handed_back"
            made = {"results": {**state.get("results", {}), **said["results"]}} if said.get("results") else {}
            fresh: Json = {"proposal": None, "counters": {}, "proposed": []}
            return update | fresh | made | _told(state, review, said, kind)


def _waited_for_lockdown(state: ThreadState, review: Json, said: Json) -> bool:
    """Whether a call that only lockdown was in the way of goes on as it is. A person's words are for the planner."""
    told = said.get("results") or (said.get("message") and not said.get("lifted"))
    return bool(review.get("lockdown") and state.get("proposal") and not told)


def _rejection(state: ThreadState, review: Json, said: Json, bound: Bindings) -> Json:
    return {
        "proposal": None,
        "rejected": [*state.get("rejected", []), review["action_hash"][:REJECTED_DIGITS]],
        **_declined(state, review, bound),
        **_told(state, review, said, "rejected"),
    }


def _given_up(state: ThreadState, review: Json, said: Json, bound: Bindings) -> Json:
    """The thread goes on without the call, and without the tool where a person's no is final."""
    message = str(said.get("message") or "")
    reason = f"a person gave it up; whether it took effect is not known{f': {message}' if message else ''}"
    return {
        "proposal": None,
        **_declined(state, review, bound),
        **_told(state, review, {**said, "message": reason}, "abandoned"),
    }


def _declined(state: ThreadState, review: Json, bound: Bindings) -> Json:
    """A channel that is named is stored again, so it is named only when it changes."""
    spec = bound.domain.tools.get(review["task_type"])  # None: it was taken away while the review waited
    final = spec is not None and spec.rejection_is_final
    return {"declined": [*state.get("declined", []), review["task_type"]]} if final else {}


def _told(state: ThreadState, review: Json, said: Json, kind: str) -> Json:
    message = str(said.get("message") or "")
    item = {
        "kind": kind,
        "action": review["task_type"],
        "reasons": [message] if message else [],
        "message": message,
        "arguments": review["action_requests"][0]["args"],
    }
    return {"feedback": [*state.get("feedback", []), item][-MAX_FEEDBACK:]}
