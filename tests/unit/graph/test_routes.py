from __future__ import annotations

from typing import Any

import pytest

from core.state import ThreadState
from core.vocabulary import NODES
from graph import routes
from graph.build import build
from graph.sink import EventSink
from tests.unit.graph.bindings import bindings

PROPOSAL = {"action": "set_intent"}
REVIEW = {"kind": "action"}


def edges() -> dict[str, set[str]]:
    drawn: dict[str, set[str]] = {}
    for edge in build(bindings()).compile().get_graph().edges:
        drawn.setdefault(edge.source, set()).add(edge.target)
    return drawn


def test_the_graph_is_the_diagram() -> None:
    assert edges() == {
        "__start__": {"planner"},
        "planner": {"planner", "policy_check", "human_review", "finish"},
        "policy_check": {"planner", "escalation_score", "human_review", "tool_execution"},
        "escalation_score": {"human_review", "tool_execution"},
        "human_review": {"policy_check", "planner", "finish"},
        "tool_execution": {"planner", "policy_check", "human_review"},
        "finish": {"__end__"},
    }
    assert set(edges()) - {"__start__"} == set(NODES)


@pytest.mark.parametrize(
    ("state", "to"),
    [
        ({"proposal": PROPOSAL}, "policy_check"),
        ({"proposal": None}, "planner"),
        ({"review": REVIEW}, "human_review"),
        ({"ending": {"status": "done"}}, "finish"),
    ],
)
def test_after_the_planner(state: ThreadState, to: str) -> None:
    assert routes.after_planner(state) == to


@pytest.mark.parametrize(
    ("state", "to"),
    [
        ({"proposal": None, "policy": {}}, "planner"),
        ({"proposal": PROPOSAL, "policy": {}, "review": REVIEW}, "human_review"),
        ({"proposal": PROPOSAL, "policy": {}}, "escalation_score"),
        ({"proposal": PROPOSAL, "policy": {"approved_by": "dana"}}, "tool_execution"),
        ({"proposal": {"action": "search_serp"}, "policy": {}}, "tool_execution"),
    ],
)
def test_after_the_policy_check_only_unapproved_decision_points_are_scored(state: ThreadState, to: str) -> None:
    assert routes.after_policy_check({"set_intent"})(state) == to


def test_every_decision_goes_back_through_policy() -> None:
    assert routes.after_review({"proposal": PROPOSAL}) == "policy_check"
    assert routes.after_review({"proposal": None}) == "planner"
    assert routes.after_review({"proposal": None, "ending": {"status": "stopped"}}) == "finish"


def test_the_event_sink_takes_any_number_of_writers_and_keeps_nothing() -> None:
    sink: Any = EventSink(list)
    assert sink.update([["a"], ["b"], ["c"]]) is False
    assert not sink.is_available()
    assert sink.from_checkpoint(sink.checkpoint()).is_available() is False
