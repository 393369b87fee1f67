"""Which moves a thread and a review may make. Data; anything not listed is illegal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from core.errors import AutonomyError
from core.vocabulary import ReviewState, ThreadStatus

ThreadMove = Literal["start", "interrupt", "finish", "fail", "stop", "take_over", "hand_back", "requeue"]

THREAD_MOVES: Final[Mapping[ThreadStatus, Mapping[ThreadMove, ThreadStatus]]] = {
    "queued": {"start": "running", "stop": "stopped"},
    "running": {
        "start": "running",
        "interrupt": "waiting",
        "finish": "done",
        "fail": "failed",
        "stop": "stopped",
        "requeue": "queued",
    },
    "waiting": {"start": "running", "stop": "stopped", "take_over": "taken_over"},
    "taken_over": {"hand_back": "waiting", "stop": "stopped"},
    "failed": {"start": "running", "stop": "stopped"},
    "done": {},
    "stopped": {},
}

REVIEW_MOVES: Final[Mapping[ReviewState, tuple[ReviewState, ...]]] = {
    "open": ("decided", "expired", "withdrawn"),
    "decided": ("released", "withdrawn", "open"),
    "released": (),
    "expired": (),
    "withdrawn": (),
}
"""Reviews move by compare-and-set in SQL, for which two people race; a test holds the SQL against this table."""

ENDED: Final[frozenset[ThreadStatus]] = frozenset(status for status, moves in THREAD_MOVES.items() if not moves)


class IllegalTransition(AutonomyError):
    """A thread was asked to make a move its status does not allow."""


def after(status: ThreadStatus, move: ThreadMove) -> ThreadStatus:
    """The status after `move`. Raises IllegalTransition when the table has no such row."""
    try:
        return THREAD_MOVES[status][move]
    except KeyError:
        raise IllegalTransition(f"A thread that is {status} cannot {move}.") from None
