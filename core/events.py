"""Events: what happened, in order, chained by hash so that a change is found."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from core.canonical import sha256, storable
from core.vocabulary import EVENT_CLASSES, EventClass, EventKind

GENESIS: Final = "0" * 64
AGENT: Final = "agent"


class Event(NamedTuple):
    """An event that has not been given its place yet. `body` holds references and hashes, never content."""

    kind: EventKind
    actor: str
    body: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "actor": self.actor, "body": self.body}


class ChainedEvent(NamedTuple):
    """An event in its place in the thread's chain."""

    thread_id: str
    seq: int
    kind: EventKind
    event_class: EventClass
    actor: str
    at: datetime
    checkpoint_id: str | None
    body: dict[str, Any]
    prev_hash: str
    hash: str


def event(kind: EventKind, actor: str = AGENT, **body: Any) -> dict[str, Any]:
    """What a node returns into the event sink: plain JSON."""
    return Event(kind, actor, storable(body)).to_json()


def event_hash(thread_id: str, seq: int, source: Event, at: datetime, checkpoint_id: str | None, prev_hash: str) -> str:
    """SHA-256 over the previous hash and everything this event says. `at` is taken in UTC at microseconds."""
    said = [thread_id, seq, source.kind, source.actor, at.timestamp(), checkpoint_id, source.body]
    return sha256([prev_hash, said])


def chain(
    thread_id: str, last_seq: int, last_hash: str, events: list[Event], at: datetime, checkpoint_id: str | None
) -> list[ChainedEvent]:
    """Give `events` their places after (`last_seq`, `last_hash`)."""
    chained: list[ChainedEvent] = []
    for seq, source in enumerate(events, start=last_seq + 1):
        link = event_hash(thread_id, seq, source, at, checkpoint_id, last_hash)
        chained.append(
            ChainedEvent(
                thread_id, seq, source.kind, EVENT_CLASSES[source.kind], source.actor, at, checkpoint_id, source.body,
                last_hash, link,
            )
        )  # fmt: skip
        last_hash = link
    return chained


def first_break(events: list[ChainedEvent]) -> int | None:
    """The seq of the first event that does not follow from the one before it; None when the chain holds."""
    last_seq, last_hash = 0, GENESIS
    for stored in events:
        source = Event(stored.kind, stored.actor, stored.body)
        expected = event_hash(stored.thread_id, stored.seq, source, stored.at, stored.checkpoint_id, last_hash)
        if stored.seq != last_seq + 1 or stored.prev_hash != last_hash or stored.hash != expected:
            return stored.seq
        last_seq, last_hash = stored.seq, stored.hash
    return None
