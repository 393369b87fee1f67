"""Where to go next: pure functions of the state."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal

from core.state import ThreadState

Route = Callable[[ThreadState], str]


def after_planner(state: ThreadState) -> Literal["human_review", "finish", "planner", "policy_check"]:
    if state.get("review"):
        return "human_review"
    if state.get("ending"):
        return "finish"
    return "policy_check" if state.get("proposal") else "planner"


def after_policy_check(decision_points: Collection[str]) -> Route:
    def after_policy_check(
        state: ThreadState,
    ) -> Literal["planner", "human_review", "escalation_score", "tool_execution"]:
        proposal, policy = state.get("proposal"), state.get("policy") or {}
        if proposal is None:
            return "planner"
        if state.get("review"):
            return "human_review"
        if proposal["action"] in decision_points and not policy.get("approved_by"):
            return "escalation_score"
        return "tool_execution"

    return after_policy_check


def after_escalation(state: ThreadState) -> Literal["human_review", "tool_execution"]:
    return "human_review" if state.get("review") else "tool_execution"


def after_review(state: ThreadState) -> Literal["policy_check", "planner", "finish"]:
    if state.get("ending"):
        return "finish"
    return "policy_check" if state.get("proposal") else "planner"


def after_execution(state: ThreadState) -> Literal["human_review", "policy_check", "planner"]:
    if state.get("review"):
        return "human_review"
    return "policy_check" if state.get("proposal") else "planner"
