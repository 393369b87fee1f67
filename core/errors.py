"""Every error a caller may meet.

AutonomyError                 exit 1
├── BadInput                  exit 2   what was given cannot be used
│   ├── NotFound
│   ├── StaleDecision         the state has moved on since it was shown
│   ├── AlreadyDecided        someone else was first
│   └── ThreadEnded           nothing is left to run or to stop
├── Unavailable               exit 1   a part we depend on does not answer
│   ├── DatabaseUnavailable
│   └── ThreadBusy            exit 2   another process is running the thread
├── DatabaseTooNew            exit 1
├── LeaseLost                          this runner was fenced
├── ToolError                          what an adapter says went wrong; `failure_class` is a key of core/failures.py
└── ModelError                         likewise, for the model

A message is one or two sentences: what happened, and what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from core.vocabulary import FailureClass


class AutonomyError(Exception):
    """Base of all errors raised on purpose. `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 1


class BadInput(AutonomyError):
    """What was given cannot be used."""

    exit_code = 2


class NotFound(BadInput):
    """No such thread, review or checkpoint."""


class StaleDecision(BadInput):
    """The thing decided on is no longer what waits."""


class AlreadyDecided(BadInput):
    """Another decision came first; the message says whose."""


class ThreadEnded(BadInput):
    """The thread is done or stopped."""


class Unavailable(AutonomyError):
    """Something we depend on does not answer."""


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached or started."""


class ThreadBusy(Unavailable):
    """Another process holds the thread's lease."""

    exit_code = 2


class DatabaseTooNew(AutonomyError):
    """The database was migrated by a later release than this one."""


class ClassifiedError(AutonomyError):
    """An error that already knows its failure class."""

    failure_class: FailureClass = "bug"

    def __init__(self, message: str, failure_class: FailureClass, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.failure_class = failure_class
        self.retry_after = retry_after
        """Seconds the far side asked us to wait, if it said so."""
        self.limits: Sequence[Mapping[str, Any]] = ()
        """Limits that are used up and that a person may raise: scope, unit, window, most, and how much more."""


class ToolError(ClassifiedError):
    """A tool could not do what was asked.

    `never_sent`: nothing left this machine, or the far side said that it has not begun; the effect is surely absent.
    Without it, a call that changes anything counts as unknown unless its class is a definite no.
    """

    def __init__(
        self, message: str, failure_class: FailureClass, retry_after: float | None = None, *, never_sent: bool = False
    ) -> None:
        super().__init__(message, failure_class, retry_after)
        self.never_sent = never_sent
        self.operation: Mapping[str, Any] | None = None
        """For an unknown effect: what a person is shown of the operation, and what their word is bound to."""
        self.evidence = ""
        """SHA-256 of an artifact that holds what could not be used, such as an answer out of its schema."""
        self.attempts: Sequence[Mapping[str, Any]] = ()
        """Attempts of a call that has no row in the ledger, as bodies of events."""
        self.judge_again = False
        """Whether what the call was let through by has changed since: policy judges the same proposal once more."""


class ModelError(ClassifiedError):
    """The model could not be asked, or its answer cannot be used. `model_call`: the last call's id, if it was made."""

    model_call: str | None = None


class LeaseLost(ClassifiedError):
    """Another runner has taken the thread over; nothing of this one is stored any more."""

    def __init__(self, thread_id: str) -> None:
        super().__init__(f"Thread {thread_id} was taken over by another runner; this one stops.", "lease_lost")
