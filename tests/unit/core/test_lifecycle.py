from __future__ import annotations

import pytest

from core.lifecycle import ENDED, REVIEW_MOVES, THREAD_MOVES, IllegalTransition, after
from core.vocabulary import ReviewState, ThreadStatus, members


def test_every_status_and_state_has_its_row() -> None:
    assert set(THREAD_MOVES) == set(members(ThreadStatus))
    assert set(REVIEW_MOVES) == set(members(ReviewState))


def test_a_thread_that_has_ended_stays_ended() -> None:
    assert {"done", "stopped"} == ENDED
    with pytest.raises(IllegalTransition, match="A thread that is done cannot start"):
        after("done", "start")


def test_a_killed_run_and_a_failed_one_can_be_started_again() -> None:
    assert after("running", "start") == "running"
    assert after("failed", "start") == "running"
