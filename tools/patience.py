"""Trying again inside a run: the one place where something is slept for."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from core.retries import LONGEST_NAP, worth_a_nap
from core.vocabulary import FailureClass

if TYPE_CHECKING:
    import stamina

FIRST_WAIT: Final = 0.5
"""Seconds, doubling; as much again is drawn, so that a thousand runs do not come back at once."""


def tries(attempts: int, failure_class: FailureClass) -> AsyncIterable[stamina.Attempt]:
    """Contexts to try the same thing in, at most `attempts`, while it fails as `failure_class`.

    The last error is let through, and so is one that asks for more than LONGEST_NAP seconds.
    """
    import stamina  # only who calls a tool or a model waits for the import

    _keep_quiet()
    patience = partial(worth_a_nap, failure_class=failure_class)
    return stamina.retry_context(
        patience, attempts, timeout=None, wait_initial=FIRST_WAIT, wait_jitter=FIRST_WAIT, wait_max=LONGEST_NAP
    )


@cache
def _keep_quiet() -> None:
    """Attempts are events and rows; without a handler the library's log lines would end up on a person's terminal."""
    logging.getLogger("stamina").addHandler(logging.NullHandler())
