from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from core.events import ChainedEvent, Event, chain
from core.vocabulary import EventKind
from runtime.timeline import in_words


def told(kind: EventKind, **body: Any) -> ChainedEvent:
    [link] = chain("t1", 0, "0" * 64, [Event(kind, "dana", body)], datetime(2026, 11, 21, tzinfo=UTC), None)
    return link


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("stop_requested", {"message": "wrong list"}, ("stop asked for by dana", "wrong list")),
        (
            "postponed",
            {"again_at": "2026-11-21T12:03:00+00:00", "message": "busy", "class": "transient"},
            ("tried again at 12:03:00 UTC", "busy [transient]"),
        ),
        (
            "tool_attempt",
            {"action": "pay", "said": "unknown", "attempt": 1, "fence": 2, "message": "reset"},
            ("pay: no answer, so the effect is unknown", "attempt 1, fence 2; reset"),
        ),
        ("tool_attempt", {"action": "look", "said": "succeeded", "attempt": 2}, ("look: answered", "attempt 2")),
    ],
)
def test_what_happens_beside_the_decisions_is_said_in_words(
    kind: EventKind, body: dict[str, Any], words: tuple[str, str]
) -> None:
    assert in_words(told(kind, **body), {}) == words
