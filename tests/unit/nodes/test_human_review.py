"""What a person's answer does to the state; pure."""

from __future__ import annotations

from typing import Any

import pytest

from core.actions import PolicyDecision, Proposal
from core.domain import Explanation
from core.errors import BadInput
from core.operations import in_question
from core.reviews import action_request, blocker_request, question_request, unknown_effect_request
from core.state import ThreadState
from nodes.human_review import apply_answer
from tests.unit.graph.bindings import bindings

PROPOSAL = Proposal(id="p1", action="set_angle", arguments={"angle": "a"})
REVIEW = action_request(PROPOSAL, PolicyDecision(outcome="allow", reasons=()), None, Explanation("x", "y"))


def applied(said: dict[str, Any], review: dict[str, Any] = REVIEW, proposal: Proposal = PROPOSAL) -> dict[str, Any]:
    state: ThreadState = {"proposal": proposal.to_json(), "review": review, "counters": {"attempts": 3, "steps": 7}}
    return apply_answer(state, {"by": "dana", "review": 5, **said}, bindings())


def test_approve_leaves_the_proposal_to_policy_and_proves_nothing() -> None:
    update = applied({"type": "approve"})
    assert "proposal" not in update and "policy" not in update
    assert update["review"] is None and update["counters"] == {"attempts": 0, "steps": 7}
    [event] = update["events"]
    assert event["kind"] == "review_applied" and event["body"] == {"review": 5, "answer": "approve"}


def test_an_edit_is_a_new_proposal_with_a_parent() -> None:
    update = applied({"type": "edit", "edited_action": {"args": {"angle": "b"}}, "proposal_id": "p2"})
    assert update["proposal"]["id"] == "p2" and update["proposal"]["parent_id"] == "p1"
    assert update["proposal"]["arguments"] == {"angle": "b"}
    assert Proposal.model_validate(update["proposal"]).hash != PROPOSAL.hash


def test_a_rejection_is_remembered_by_hash_and_told_to_the_planner() -> None:
    update = applied({"type": "reject", "message": "too generic"})
    assert update["proposal"] is None and update["rejected"] == [PROPOSAL.hash[:16]] and "declined" not in update
    [told] = update["feedback"]
    assert (told["kind"], told["message"]) == ("rejected", "too generic")


def test_a_no_to_publishing_is_final() -> None:
    publish = Proposal(id="p", action="publish_content", arguments={})
    review = action_request(publish, PolicyDecision(outcome="review", reasons=("r",)), None, Explanation("x", "y"))
    assert applied({"type": "reject"}, review, publish)["declined"] == ["publish_content"]


def test_an_answer_and_a_hand_back_reach_the_planner_and_reset_what_was_counted() -> None:
    question = Proposal(id="p", action="ask_human", arguments={"question": "who?", "why": "w", "options": []})
    update = applied({"type": "respond", "message": "founders"}, question_request(question), question)
    assert update["feedback"][0]["kind"] == "answer" and update["proposal"] is None
    blocker = blocker_request("planner", "loop", "stuck", None)
    update = applied({"type": "respond", "choice": "hand_back", "message": "go on"}, blocker)
    assert update["feedback"][0]["kind"] == "handed_back" and update["counters"] == {}


def test_abandoning_ends_the_thread() -> None:
    update = applied({"type": "respond", "choice": "abandon"}, blocker_request("planner", "loop", "stuck", None))
    assert update["ending"]["status"] == "stopped"


UNKNOWN = unknown_effect_request(PROPOSAL, in_question("k", 1, 2, 3, "2026-01-02T03:04:05+00:00"), "no answer")


@pytest.mark.parametrize("word", ["happened", "did_not_happen"])
def test_a_word_on_an_unknown_effect_sends_the_same_proposal_back_to_the_ledger(word: str) -> None:
    update = applied({"type": "respond", "choice": word}, UNKNOWN)
    assert "proposal" not in update and update["review"] is None and update["events"][0]["body"]["answer"] == word


def test_what_was_given_up_is_told_to_the_planner_and_the_thread_goes_on() -> None:
    update = applied({"type": "respond", "choice": "abandon", "message": "nobody can tell"}, UNKNOWN)
    assert update["proposal"] is None and "ending" not in update and "declined" not in update
    [told] = update["feedback"]
    assert (told["kind"], told["action"]) == ("abandoned", "set_angle") and "nobody can tell" in told["message"]


def test_giving_up_what_a_no_ends_takes_the_tool_away() -> None:
    publish = Proposal(id="p", action="publish_content", arguments={})
    review = unknown_effect_request(publish, in_question("k", 1, 1, 1, ""), "no answer")
    update = applied({"type": "respond", "choice": "abandon"}, review, publish)
    assert update["declined"] == ["publish_content"]


@pytest.mark.parametrize("said", [{"type": "respond", "message": "yes"}, {"type": "accept"}])
def test_an_answer_that_this_review_does_not_take_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="it takes approve, edit, reject"):
        applied(said)


def test_what_is_asked_has_the_ecosystems_shape_and_is_bounded() -> None:
    long = Explanation("p" * 5000, "w" * 5000, tuple({"label": "l" * 900, "trust": "untrusted"} for _ in range(40)))
    asked = action_request(PROPOSAL, PolicyDecision(outcome="allow", reasons=()), None, long)
    assert asked["action_requests"][0]["name"] == "set_angle"
    assert asked["review_configs"] == [{"action_name": "set_angle", "allowed_decisions": ["approve", "edit", "reject"]}]
    assert len(asked["action_requests"][0]["description"]) == 400
    assert len(asked["evidence"]) == 12 and len(asked["evidence"][0]["label"]) == 400
