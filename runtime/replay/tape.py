"""The decided events of a recorded thread in order, and where a replay is among them.

A port answers from the event that comes next; what the replay then says is held against it. Not compared, because
they come from outside of the graph: the first event, people's decisions, stops, and the failures that ended a run and
that a later run got over (the world's, such as a model that was away). Of what is compared, these differ by design:
the place in the chain, the time and the checkpoint of an event, and which rules were in force (`policies`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from core.canonical import canonical_json
from core.errors import AutonomyError
from core.events import AGENT, ChainedEvent, Event
from core.vocabulary import EVENT_CLASSES, EventKind

_FROM_OUTSIDE: Final[frozenset[EventKind]] = frozenset({"thread_started", "review_decided"})
_BY_DESIGN: Final[Mapping[EventKind, frozenset[str]]] = {"policy_check": frozenset({"policies"})}
"""Parts of a body that may differ."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where a replay and the record part. A side is None where it has ended."""

    seq: int
    """Of the recorded event; of the last one when the record has ended."""
    recorded: Mapping[str, Any] | None
    replayed: Mapping[str, Any] | None
    parts: tuple[str, ...]
    """What differs of an event: `kind`, `actor`, or parts of its body."""

    def side(self, side: Mapping[str, Any] | None) -> str:
        """One side in a line: the kind of an event and the parts of it that differ; what is no event, whole."""
        if side is None:
            return "nothing"
        body = side.get("body")
        if body is None:
            return canonical_json(side)
        shown = {name: said for name, said in body.items() if name in self.parts} or body
        return f"{side['kind']} by {side['actor']}  {canonical_json(shown)}"


class Parted(AutonomyError):
    """The replay did something else than the record says; `difference` says what."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(f"The replay parts from the record at #{difference.seq}.")
        self.difference = difference


class RecordEnds(AutonomyError):
    """All that was recorded has come out the same; the thread went no further."""


@dataclass(slots=True)
class Tape:
    """`events` are the compared ones, with the fatal failures among them."""

    events: Sequence[ChainedEvent]
    place: int = 0
    passed: int = 0
    """Failures that ended a run, and that were got over."""
    difference: Difference | None = field(default=None)
    last_passed: str = ""
    """The class of the failure that has just ended a run as it did then."""
    ended: bool = False
    """The replay went beyond a record that has no end of its own."""

    @classmethod
    def of(cls, timeline: Iterable[ChainedEvent]) -> Tape:
        return cls([stored for stored in timeline if _compared(stored)])

    def next(self) -> ChainedEvent:
        """What was recorded next. Raises RecordEnds, or Parted once something has differed."""
        self.check()
        found = next((stored for stored in self.events[self.place :] if not _ended_a_run(stored)), None)
        if found is None:
            raise RecordEnds
        return found

    def before_next_decision(self, kind: EventKind) -> list[ChainedEvent]:
        """The events of `kind` that are still to come of this turn."""
        found = []
        for stored in self.events[self.place :]:
            if stored.kind == "decision":
                break
            if stored.kind == kind:
                found.append(stored)
        return found

    def hear(self, said: Iterable[Event]) -> None:
        """What the replay says, in order. Raises nothing: it is called from LangGraph's background."""
        for item in said:
            if EVENT_CLASSES[item.kind] == "observed" or self.difference or self.ended:
                continue
            self._hear(item)

    def heard_all(self) -> bool:
        return all(_ended_a_run(stored) for stored in self.events[self.place :])

    def check(self) -> None:
        """Raises Parted or RecordEnds when the replay need go no further."""
        if self.difference is not None:
            raise Parted(self.difference)
        if self.ended:
            raise RecordEnds

    def part(self, what: Mapping[str, Any], *parts: str) -> Parted:
        """The error of a replay that now does `what`."""
        stored = next((each for each in self.events[self.place :] if not _ended_a_run(each)), None)
        self.difference = Difference(self._seq(stored), _said(stored) if stored else None, what, parts)
        return Parted(self.difference)

    def _hear(self, item: Event) -> None:
        self.last_passed = ""
        while self.place < len(self.events) and _ended_a_run(self.events[self.place]):
            stored = self.events[self.place]
            self.place += 1
            self.passed += 1
            if _fatal(item) and item.body["class"] == stored.body["class"]:
                self.last_passed = stored.body["class"]
                return
        if self.place >= len(self.events):
            self._beyond(item)
            return
        stored = self.events[self.place]
        if parts := _differing(stored, item):
            self.difference = Difference(stored.seq, _said(stored), item.to_json(), parts)
            return
        self.place += 1

    def _beyond(self, item: Event) -> None:
        """A thread that ended said so; any other was stopped, or waits, or was about to go on."""
        last = self.events[-1] if self.events else None
        if last is not None and last.kind == "thread_finished":
            self.difference = Difference(last.seq, None, item.to_json(), ())
        self.ended = True

    def _seq(self, stored: ChainedEvent | None) -> int:
        return stored.seq if stored else (self.events[-1].seq if self.events else 0)


def _compared(stored: ChainedEvent) -> bool:
    if stored.event_class != "decided" or stored.kind in _FROM_OUTSIDE:
        return False
    return not (stored.kind == "thread_finished" and stored.actor != AGENT)  # a person stopped it


def _ended_a_run(stored: ChainedEvent) -> bool:
    return stored.kind == "failure" and bool(stored.body.get("fatal"))


def _fatal(item: Event) -> bool:
    return item.kind == "failure" and bool(item.body.get("fatal"))


def _differing(stored: ChainedEvent, item: Event) -> tuple[str, ...]:
    if stored.kind != item.kind:
        return ("kind",)
    actor = () if stored.actor == item.actor else ("actor",)
    free = _BY_DESIGN.get(stored.kind, frozenset())
    names = sorted((stored.body.keys() | item.body.keys()) - free)
    return (*actor, *(name for name in names if stored.body.get(name) != item.body.get(name)))


def _said(stored: ChainedEvent) -> dict[str, Any]:
    return {"kind": stored.kind, "actor": stored.actor, "body": stored.body}
