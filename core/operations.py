"""Operations of the ledger: which moves they may make, and what a claim finds. Pure.

An operation is one effect under one key. `started` with nothing under way means that nothing was sent since the last
answer that counts (a refusal, a person's word, a new revision): whoever comes next with the request may send it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, assert_never

from core.errors import AutonomyError
from core.failures import may_pass
from core.vocabulary import Idempotency, OperationState, SpendUnit

OperationMove = Literal[
    "claim", "succeed", "try_again", "fail", "lose", "take_over", "repeat", "find", "miss", "happened",
    "did_not_happen", "abandon", "reopen",
]  # fmt: skip

OPERATION_MOVES: Final[Mapping[OperationState | None, Mapping[OperationMove, OperationState]]] = {
    None: {"claim": "started"},
    "started": {
        "succeed": "succeeded",
        "try_again": "started",
        "fail": "failed",
        "lose": "unknown",
        "take_over": "unknown",
    },
    "unknown": {
        "repeat": "started",
        "find": "succeeded",
        "miss": "started",
        "happened": "succeeded",
        "did_not_happen": "started",
        "abandon": "failed",
    },
    "failed": {"reopen": "started"},
    "succeeded": {},
}
"""What may become of one revision; None is "no such row". Further revisions are rows of their own."""

FENCED: Final[frozenset[OperationMove]] = frozenset({"take_over"})
"""Moves that shut out whoever had the attempt: fence + 1."""
ANOTHER_ATTEMPT: Final[frozenset[OperationMove]] = frozenset(
    {"try_again", "repeat", "miss", "did_not_happen", "reopen"}
)
"""Moves after which it is sent once more: attempt + 1."""


class IllegalOperationMove(AutonomyError):
    """An operation was asked to make a move its state does not allow."""


def moved(state: OperationState | None, move: OperationMove) -> OperationState:
    """The state after `move`. Raises IllegalOperationMove when the table has no such row."""
    try:
        return OPERATION_MOVES[state][move]
    except KeyError:
        raise IllegalOperationMove(f"An operation that is {state or 'not there'} cannot {move}.") from None


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """One operation as its caller wants it. `gated`: only with a person's approval of `proposal_hash`.

    `timeout` and `key_lifetime` are seconds; the latter is how long the far side remembers a key, None for ever.
    """

    key: str
    tenant: str
    thread_id: str
    tool: str
    proposal_id: str
    proposal_hash: str
    request_hash: str
    gated: bool
    idempotency: Idempotency
    timeout: float
    key_lifetime: float | None = None
    amounts: Mapping[SpendUnit, int] = field(default_factory=dict)
    """What one call takes of which limits."""
    approved_as: str | None = None
    """The role in which policy accepted the approval; None: it rests on none."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim gave.

    `recorded` is set when the operation had already succeeded; with `ask`, the far side is to be asked before anything
    is sent; otherwise the caller sends it under `fence` and `attempt`.
    """

    fence: int
    attempt: int
    recorded: Mapping[str, Any] | None = None
    summary: str = ""
    revision: int = 1
    ask: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """One revision of an operation as a claim finds it."""

    revision: int
    state: OperationState
    request_hash: str
    """Empty in a revision that a person opened and nobody has used: it takes any request."""
    proposal_id: str
    thread_id: str
    fence: int
    attempt: int
    under_way: bool
    live: bool
    """The run that has it under way may still be at it."""
    deadline_left: float
    """Seconds until the attempt can no longer take effect; not above 0 when that is over."""
    sent_ago: float
    """Seconds since it was first sent."""
    sent_at: str = ""
    """When it was first sent, ISO 8601."""
    asked_elsewhere: bool = False
    """Another thread's people are being asked what became of it."""
    results: Mapping[str, Any] | None = None
    summary: str = ""
    failure: Mapping[str, Any] = field(default_factory=dict)


Step = Literal[
    "answer", "fail_again", "refuse", "busy", "begin", "reopen", "next_revision", "take_over", "repeat", "look_up",
    "wait", "person",
]  # fmt: skip
"""What a claim does next about what it has found."""


def in_force(revisions: tuple[Held, ...], request: OperationRequest) -> Held:
    """The revision that a request meets: the highest, unless this very proposal has succeeded under an earlier one."""
    for held in revisions:
        if held.state == "succeeded" and held.proposal_id == request.proposal_id and _same(held, request):
            return held
    return max(revisions, key=lambda held: held.revision)


def next_step(request: OperationRequest, held: Held) -> Step:
    """The ledger's table for a key that was claimed before."""
    same = _same(held, request)
    match held.state:
        case "succeeded":
            return "answer" if same else "refuse"
        case "failed":
            return _after_failure(request, held)
        case "started":
            if not held.under_way:
                return "begin" if same else "next_revision"
            if not same:
                return "refuse"
            return "busy" if held.live else "take_over"
        case "unknown":
            return _out_of_the_unknown(request, held) if same else "refuse"
        case _:
            assert_never(held.state)


def _after_failure(request: OperationRequest, held: Held) -> Step:
    """Failed means that nothing took effect, so another proposal may try; what was given up only a person opens."""
    if held.failure.get("given_up"):
        return "fail_again"
    if not _same(held, request):
        return "next_revision"
    passes = may_pass(str(held.failure.get("class", "bug")))
    return "fail_again" if held.proposal_id == request.proposal_id and not passes else "reopen"


def _out_of_the_unknown(request: OperationRequest, held: Held) -> Step:
    match request.idempotency:
        case "idempotent":
            remembered = request.key_lifetime is None or held.sent_ago < request.key_lifetime
            return "repeat" if remembered else _ask_person(request, held)
        case "queryable":
            return "wait" if held.deadline_left > 0 else "look_up"
        case "unsafe" | "local":  # a local effect commits with its record; an unknown one was never ours to repeat
            return _ask_person(request, held)
        case _:
            assert_never(request.idempotency)


def _ask_person(request: OperationRequest, held: Held) -> Step:
    return "busy" if held.asked_elsewhere and held.thread_id != request.thread_id else "person"


def _same(held: Held, request: OperationRequest) -> bool:
    return held.request_hash in ("", request.request_hash)


def provider_key(key: str, revision: int) -> str:
    """The key that is sent to the far side: the same for all attempts of a revision, another for the next one."""
    return key if revision == 1 else f"{key}-{revision}"


def in_question(key: str, revision: int, fence: int, attempt: int, sent_at: str) -> dict[str, Any]:
    """What a person is shown of an operation whose effect is unknown, and what their word is bound to."""
    return {"key": key, "revision": revision, "fence": fence, "attempt": attempt, "sent_at": sent_at}


@dataclass(frozen=True, slots=True)
class Resolution:
    """A person's word on an operation whose effect is unknown. For `happened`: the result that then counts."""

    key: str
    revision: int
    fence: int
    attempt: int
    answer: Literal["happened", "did_not_happen", "abandon"]
    by: str
    message: str = ""
    produces: str = ""
    result: str = ""
    """Canonical JSON of the result, stored as an artifact under the name `produces`."""


DEFINITE: Final = frozenset(
    {"tool_refused", "policy_violation", "invalid_proposal", "missing_evidence", "ambiguous", "limit_reached"}
)
"""Failure classes by which a tool says no; of everything else the effect is unknown unless it was never sent."""


def state_after(failure_class: str, never_sent: bool, attempts_left: int) -> OperationState:
    """Where a failed call leaves its operation. Fails closed: what is not definite is unknown."""
    if never_sent and attempts_left > 0 and may_pass(failure_class):
        return "started"
    return "failed" if never_sent or failure_class in DEFINITE else "unknown"
