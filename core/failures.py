"""Every way a run can fail, and what was decided about it in advance. This table is the only place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from core.errors import ClassifiedError

FailureClass = Literal[
    "transient",
    "busy",
    "tool_refused",
    "tool_drift",
    "invalid_proposal",
    "policy_violation",
    "missing_evidence",
    "ambiguous",
    "unknown_effect",
    "limit_reached",
    "loop",
    "model_unavailable",
    "model_refused",
    "model_answer",
    "lease_lost",
    "storage",
    "bug",
]
Response = Literal["retry", "replan", "person", "stop"]
Recipient = Literal["nobody", "planner", "reviewer", "owner", "operator"]


@dataclass(frozen=True, slots=True)
class FailureRule:
    """What happens to one class of failure. `retry` is only ever taken for calls that are safe to repeat."""

    response: Response
    recipient: Recipient
    evidence: tuple[str, ...]
    rollback_metric: str
    meaning: str
    again: bool = False
    """The thread itself is tried again later, with the waits of core/retries.py, before the response is taken."""


FAILURES: Final[Mapping[FailureClass, FailureRule]] = {
    "transient": FailureRule(
        "retry", "planner", ("attempts", "last_error"), "share of calls that needed a retry",
        "the far side was briefly unavailable and nothing had been sent, or the call is safe to repeat", again=True,
    ),
    "busy": FailureRule(
        "person", "operator", ("operation", "holder"), "operations waited for",
        "another thread is doing this very operation", again=True,
    ),
    "tool_refused": FailureRule(
        "replan", "planner", ("arguments", "answer"), "share of calls refused",
        "the far side answered, and the answer is no",
    ),
    "tool_drift": FailureRule(
        "person", "owner", ("arguments", "answer", "schema_errors"), "tool_drift per 100 calls",
        "a tool's result no longer matches what it declares",
    ),
    "invalid_proposal": FailureRule(
        "replan", "planner", ("proposal", "schema_errors"), "invalid proposals per 100 decisions",
        "the proposal does not match the tool's schema, or names a tool that was not offered",
    ),
    "policy_violation": FailureRule(
        "replan", "planner", ("proposal", "rules", "facts"), "denials per 100 decisions",
        "policy forbids the proposal",
    ),
    "missing_evidence": FailureRule(
        "person", "reviewer", ("query", "sources"), "threads without evidence",
        "there is nothing to base a decision on, such as no readable page",
    ),
    "ambiguous": FailureRule(
        "person", "reviewer", ("proposal", "alternatives"), "questions per thread",
        "the request can be read in more than one way with different consequences",
    ),
    "unknown_effect": FailureRule(
        "person", "operator", ("operation", "attempts", "request_hash"), "unknown operations",
        "a call may or may not have taken effect and the far side cannot say",
    ),
    "limit_reached": FailureRule(
        "person", "owner", ("limit", "used"), "threads stopped by a limit",
        "a budget, a step limit or a rate is used up",
    ),
    "loop": FailureRule(
        "person", "reviewer", ("proposals",), "loops per 100 threads",
        "the same proposal came again after it was rejected, denied or done",
    ),
    "model_unavailable": FailureRule(
        "stop", "operator", ("endpoint", "attempts", "last_error"), "model calls that failed",
        "the model could not be reached, timed out or was overloaded, after the allowed retries", again=True,
    ),
    "model_refused": FailureRule(
        "stop", "operator", ("endpoint", "last_error"), "model calls refused",
        "the model endpoint refuses us: wrong key, no such model, a malformed request",
    ),
    "model_answer": FailureRule(
        "replan", "planner", ("answer",), "unusable answers per 100 model calls",
        "the model answered, but with nothing that can be used: cut off, not JSON, no tool call",
    ),
    "lease_lost": FailureRule(
        "stop", "nobody", ("epoch",), "leases lost", "another runner has the thread; this one must not go on",
    ),
    "storage": FailureRule(
        "stop", "operator", ("operation", "last_error"), "storage errors",
        "the database or the disk did not take what had to be stored", again=True,
    ),
    "bug": FailureRule(
        "stop", "owner", ("traceback",), "bugs per 100 threads", "our own code did something it must not",
    ),
}  # fmt: skip


def classify(error: BaseException) -> FailureClass:
    """The class of an error. Anything that nobody classified is a bug of ours, and stops the run."""
    if isinstance(error, ClassifiedError):
        for name in FAILURES:
            if name == error.failure_class:
                return name
    return "bug"


def may_pass(failure_class: str) -> bool:
    """Whether the thread itself is tried again later after such a failure."""
    return any(rule.again for name, rule in FAILURES.items() if name == failure_class)
