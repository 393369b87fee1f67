from __future__ import annotations

from core.errors import LeaseLost, ModelError, ToolError
from core.failures import FAILURES, classify
from core.vocabulary import FailureClass, members


def test_every_class_has_a_rule_with_evidence_and_a_metric() -> None:
    assert set(FAILURES) == set(members(FailureClass))
    for rule in FAILURES.values():
        assert rule.evidence and rule.rollback_metric and rule.meaning


def test_unclear_and_unsafe_failures_are_never_retried() -> None:
    for name in ("unknown_effect", "policy_violation", "missing_evidence", "ambiguous", "tool_drift", "bug"):
        assert FAILURES[name].response != "retry"
    assert [name for name, rule in FAILURES.items() if rule.response == "retry"] == ["transient"]


def test_errors_carry_their_class_and_unclassified_ones_are_bugs() -> None:
    assert classify(ToolError("x", "tool_drift")) == "tool_drift"
    assert classify(ModelError("x", "model_answer")) == "model_answer"
    assert classify(LeaseLost("t")) == "lease_lost"
    assert classify(ToolError("x", "no such class")) == "bug"
    assert classify(KeyError("x")) == "bug"
