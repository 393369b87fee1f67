from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.events import GENESIS, ChainedEvent, Event, chain, first_break

NOW = datetime(2026, 11, 3, 2, 58, 1, 123456, tzinfo=UTC)


def three() -> list[ChainedEvent]:
    events = [Event("decision", "agent", {"n": number}) for number in range(3)]
    return chain("t", 0, GENESIS, events, NOW, "c1")


def test_an_untouched_chain_holds() -> None:
    first = three()
    later = chain("t", 3, first[-1].hash, [Event("commit", "agent", {})], NOW + timedelta(seconds=1), None)
    assert first_break([*first, *later]) is None
    assert first_break([]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"body": {"n": 99}},
        {"actor": "mallory"},
        {"at": NOW + timedelta(microseconds=1)},
        {"kind": "commit"},
        {"checkpoint_id": "other"},
        {"thread_id": "u"},
        {"prev_hash": GENESIS},
    ],
)
def test_any_change_is_found_where_it_was_made(change: dict[str, object]) -> None:
    events = three()
    events[1] = events[1]._replace(**change)
    assert first_break(events) == 2


def test_a_removed_and_a_reordered_event_are_found() -> None:
    one, two, last = three()
    assert first_break([one, last]) == 3
    assert first_break([two, one, last]) == 2
