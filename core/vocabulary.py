"""The closed vocabulary. A new word is added here, in the SQL checks, and wherever the type checker then complains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

ThreadStatus = Literal["queued", "running", "waiting", "taken_over", "done", "failed", "stopped"]
ReviewState = Literal["open", "decided", "released", "expired", "withdrawn"]
ReviewKind = Literal["action", "question", "conflict", "unknown_effect", "blocker", "audit"]
Tier = Literal["read-only", "reversible", "irreversible"]
Idempotency = Literal["idempotent", "queryable", "local", "unsafe"]
TrustTier = Literal["clean", "tainted"]
Environment = Literal["local", "staging", "production"]
Risk = Literal["low", "normal", "high"]
Authority = Literal["observe", "suggest", "prefill", "execute"]
Stage = Literal["full", "checkpoints", "human_tool", "matrix"]
PolicyOutcome = Literal["allow", "review", "deny"]
Band = Literal["proceed", "review", "block"]
OperationState = Literal["started", "succeeded", "failed", "unknown"]
Verdict = Literal["right", "wrong", "unclear"]
"""On the agent's own proposal, before anything was edited; all but `right` count as a loss."""
Reason = Literal["wrong_intent", "generic_pov", "no_relevance", "fact", "voice", "links", "other"]
"""What was wrong with a proposal."""
LevelMove = Literal[
    "certified", "raised", "revoked", "restricted", "recovered", "rescored", "granted", "lowered", "lifted",
]  # fmt: skip
"""Why a task type goes further or less far alone: the first five follow from evidence, the last three from people, and
that it is scored in another way from either."""
Occasion = Literal["new", "due", "overdue", "digest", "revoked"]
"""When somebody is told: of a review, or that autonomy was taken back."""
EventClass = Literal["decided", "observed"]
Trust = Literal["person", "profile", "trusted", "untrusted", "model"]
"""Where a value came from; anything fetched from outside is `untrusted`."""
PersonRole = Literal["viewer", "reviewer", "publisher", "admin"]
"""What a person may do, each more than the one before; only publishers and admins approve what cannot be undone."""
ActorRole = Literal["agent", "viewer", "reviewer", "publisher", "admin"]
"""On whose part a call is made: the agent's own, or a person's who edited it."""
SpendUnit = Literal["irreversible", "action_cost", "calls", "tokens", "money", "steps", "repeats", "attempts"]
"""What is limited. `money` is in millionths of a dollar, `action_cost` in budget units; the others are counts."""

TIERS: Final[tuple[Tier, ...]] = ("read-only", "reversible", "irreversible")
"""From lax to strict."""
TRUSTS: Final[tuple[Trust, ...]] = ("person", "profile", "trusted", "model", "untrusted")
"""From what people said themselves to what anyone may have written."""

Attempt = Literal[
    "started", "succeeded", "refused", "not_sent", "unknown", "taken_over", "found", "absent", "happened",
    "did_not_happen", "abandoned", "revised",
]  # fmt: skip
"""What is written down of an operation, in its history and in `tool_attempt` events."""

Answer = Literal[
    "approve", "edit", "reject", "answer", "happened", "did_not_happen", "abandon", "take_over", "hand_back",
    "right", "wrong", "unclear",
]  # fmt: skip

ANSWERS: Final[Mapping[ReviewKind, tuple[Answer, ...]]] = {
    "action": ("approve", "edit", "reject"),
    "question": ("answer",),
    "conflict": ("answer",),
    "unknown_effect": ("happened", "did_not_happen", "abandon"),
    "blocker": ("take_over", "hand_back", "abandon"),
    "audit": ("right", "wrong", "unclear"),
}
"""What a person can say to each kind of review."""

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
    "rate_reached",
    "loop",
    "model_unavailable",
    "model_refused",
    "model_answer",
    "lease_lost",
    "storage",
    "bug",
]
"""Every way a run can fail; what was decided about each is in core/failures.py."""

NODES: Final = ("planner", "policy_check", "escalation_score", "human_review", "tool_execution", "finish")

EventKind = Literal[
    "thread_started",
    "observation",
    "decision",
    "policy_check",
    "escalation",
    "review_requested",
    "review_decided",
    "review_undone",
    "review_applied",
    "tool_call",
    "tool_result",
    "commit",
    "failure",
    "tool_attempt",
    "lease_taken",
    "postponed",
    "stop_requested",
    "authority_in_force",
    "audit_judged",
    "level_changed",
    "thread_finished",
]

EVENT_CLASSES: Final[Mapping[EventKind, EventClass]] = {
    "thread_started": "decided",
    "observation": "decided",
    "decision": "decided",
    "policy_check": "decided",
    "escalation": "decided",
    "review_requested": "decided",
    "review_decided": "decided",
    "review_undone": "observed",
    "review_applied": "decided",
    "tool_call": "observed",
    "tool_result": "decided",
    "commit": "decided",
    "failure": "decided",
    "tool_attempt": "observed",
    "lease_taken": "observed",
    "postponed": "observed",
    "stop_requested": "observed",
    "authority_in_force": "observed",
    "audit_judged": "observed",
    "level_changed": "observed",
    "thread_finished": "decided",
}
"""`decided`: a replay must repeat it. `observed`: leases and attempts, which differ from run to run."""


def members(vocabulary: object) -> tuple[str, ...]:
    """The words of a `Literal`, in the order they are written."""
    return get_args(vocabulary)
