"""Every way a run can fail, and what was decided about it in advance. This table is the only place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from core.errors import ClassifiedError, DatabaseUnavailable, ThreadBusy
from core.vocabulary import FailureClass

Response = Literal["retry", "replan", "person", "stop"]
Recipient = Literal["nobody", "planner", "reviewer", "owner", "operator"]
Implied = Literal["nothing", "rollback", "narrower"]
"""What a failure of a class speaks for, once its metric is out of bounds: nothing, going back to the version before, or
narrower permissions for the agent."""


Kept = Literal["message", "proposal", "answer", "attempts", "operation", "policy", "model_call", "feedback"]
"""What the record holds of a failure: what was said; what was proposed, in full; an answer that could not be used; each
attempt; the operation in the ledger; facts and rules of the check; the call of the model; what the planner was told."""


@dataclass(frozen=True, slots=True)
class FailureRule:
    """What happens to one class of failure. `retry` is only ever taken for calls that are safe to repeat."""

    response: Response
    recipient: Recipient
    evidence: tuple[Kept, ...]
    rollback_metric: str
    meaning: str
    implies: Implied = "nothing"
    again: bool = False
    """The thread itself is tried again later, with the waits of core/retries.py, before the response is taken."""


FAILURES: Final[Mapping[FailureClass, FailureRule]] = {
    "transient": FailureRule(
        "retry", "planner", ("message", "attempts"), "share of calls that needed a retry",
        "the far side was briefly unavailable and nothing had been sent, or the call is safe to repeat", again=True,
    ),
    "busy": FailureRule(
        "person", "operator", ("message", "operation"), "operations waited for",
        "another thread is doing this very operation", again=True,
    ),
    "tool_refused": FailureRule(
        "replan", "planner", ("message", "proposal", "attempts"), "share of calls refused",
        "the far side answered, and the answer is no",
    ),
    "tool_drift": FailureRule(
        "person", "owner", ("message", "proposal", "answer"), "tool_drift per 100 calls",
        "a tool's result no longer matches what it declares", implies="narrower",
    ),
    "invalid_proposal": FailureRule(
        "replan", "planner", ("message", "proposal", "policy"), "invalid proposals per 100 decisions",
        "the proposal does not match the tool's schema, or names a tool that was not offered", implies="rollback",
    ),
    "policy_violation": FailureRule(
        "replan", "planner", ("message", "proposal", "policy"), "denials per 100 decisions",
        "policy forbids the proposal", implies="narrower",
    ),
    "missing_evidence": FailureRule(
        "person", "reviewer", ("message", "proposal"), "threads without evidence",
        "there is nothing to base a decision on, such as no readable page",
    ),
    "ambiguous": FailureRule(
        "person", "reviewer", ("message", "proposal"), "questions per thread",
        "the request can be read in more than one way with different consequences",
    ),
    "unknown_effect": FailureRule(
        "person", "operator", ("message", "proposal", "operation", "attempts"), "unknown operations",
        "a call may or may not have taken effect and the far side cannot say", implies="narrower",
    ),
    "limit_reached": FailureRule(
        "person", "owner", ("message", "feedback"), "threads stopped by a limit",
        "a budget or a step limit is used up",
    ),
    "rate_reached": FailureRule(
        "person", "owner", ("message",), "threads that waited for a rate",
        "the agent has made as many calls in this minute as it may; there are more in the next", again=True,
    ),
    "loop": FailureRule(
        "person", "reviewer", ("message", "proposal", "feedback"), "loops per 100 threads",
        "the same proposal came again after it was rejected, denied or done", implies="rollback",
    ),
    "model_unavailable": FailureRule(
        "stop", "operator", ("message", "model_call"), "model calls that failed",
        "the model could not be reached, timed out or was overloaded, after the allowed retries", again=True,
    ),
    "model_refused": FailureRule(
        "stop", "operator", ("message", "model_call"), "model calls refused",
        "the model endpoint refuses us: wrong key, no such model, a malformed request",
    ),
    "model_answer": FailureRule(
        "replan", "planner", ("message", "model_call"), "unusable answers per 100 model calls",
        "the model answered, but with nothing that can be used: cut off, not JSON, no tool call", implies="rollback",
    ),
    "lease_lost": FailureRule(
        "stop", "nobody", ("attempts",), "leases lost", "another runner has the thread; this one must not go on",
    ),
    "storage": FailureRule(
        "stop", "operator", ("message", "operation"), "storage errors",
        "the database or the disk did not take what had to be stored", again=True,
    ),
    "bug": FailureRule(
        "stop", "owner", ("message",), "bugs per 100 threads", "our own code did something it must not",
        implies="rollback",
    ),
}  # fmt: skip


def named(text: str) -> FailureClass:
    """The class that is called so; one of another release that we do not know is a bug."""
    return next((name for name in FAILURES if name == text), "bug")


def classify(error: BaseException) -> FailureClass:
    """The one class of an error. Anything that nobody classified is a bug of ours, and stops the run."""
    match error:
        case ClassifiedError():
            return named(error.failure_class)
        case DatabaseUnavailable():
            return "storage"
        case ThreadBusy():
            return "busy"
        case _:
            return "bug"


def may_pass(failure_class: str) -> bool:
    """Whether the thread itself is tried again later after such a failure."""
    return any(rule.again for name, rule in FAILURES.items() if name == failure_class)
