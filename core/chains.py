"""Reading chains of events: what does not follow from what came before, and where. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from core.canonical import canonical_json, sha256
from core.events import GENESIS
from core.vocabulary import EVENT_CLASSES

_CLASSES: Final = {str(kind): said for kind, said in EVENT_CLASSES.items()}


class Link(NamedTuple):
    """An event as it is stored. `body` is its JSON text, which is hashed as it stands."""

    tenant: str
    seq: int
    kind: str
    event_class: str
    actor: str
    at: datetime
    checkpoint_id: str | None
    body: str
    prev_hash: str
    hash: str


class Break(NamedTuple):
    """A place where a chain does not hold. `seq`: the first event concerned."""

    thread_id: str
    seq: int
    what: str


@dataclass(slots=True)
class ChainReader:
    """Reads the chain of one thread, event by event. After a break it goes on from what is stored."""

    thread_id: str
    tenant: str
    seq: int = 0
    hash: str = GENESIS

    def read(self, link: Link) -> Iterator[Break]:
        """The breaks that the next event of the chain shows."""
        if link.seq > self.seq + 1:
            yield self._break(self.seq + 1, f"{_numbers(self.seq + 1, link.seq - 1)} missing")
        elif link.prev_hash != self.hash:
            yield self._break(link.seq, f"#{link.seq} does not follow the event before it")
        if not _holds(self.thread_id, link) or link.tenant != self.tenant or _misfiled(link):
            yield self._break(link.seq, f"#{link.seq} ({link.kind}) was changed")
        self.seq, self.hash = link.seq, link.hash

    def end(self, last_seq: int, last_hash: str) -> Iterator[Break]:
        """What the thread's own row says of its last event."""
        if last_seq > self.seq:
            newest = _numbers(self.seq + 1, last_seq)
            yield self._break(self.seq + 1, f"{newest} missing, the newest of the thread")
        elif last_seq < self.seq:
            added = "was" if self.seq == last_seq + 1 else "were"
            beyond = f"#{last_seq + 1}" if self.seq == last_seq + 1 else f"#{last_seq + 1} to #{self.seq}"
            yield self._break(last_seq + 1, f"{beyond} {added} added behind the thread's last event")
        elif last_hash != self.hash:
            yield self._break(self.seq, f"#{self.seq} is not the event that the thread ended with")

    def _break(self, seq: int, what: str) -> Break:
        return Break(self.thread_id, seq, what)


def _holds(thread_id: str, link: Link) -> bool:
    """As core.events.event_hash. The body's text is spliced in, since it is nearly always stored in the very form that
    is hashed; where the database has spelled it otherwise, it is parsed."""
    said = [thread_id, link.seq, link.kind, link.actor, link.at.timestamp(), link.checkpoint_id]
    if sha256(f"{canonical_json([link.prev_hash, said])[:-2]},{link.body}]]") == link.hash:
        return True
    try:
        return sha256([link.prev_hash, [*said, json.loads(link.body)]]) == link.hash
    except ValueError:  # not JSON, or with NaN in it
        return False


def _misfiled(link: Link) -> bool:
    """The class is not hashed; it follows from the kind. A kind of a later release is not known here."""
    return link.event_class != _CLASSES.get(link.kind, link.event_class)


def _numbers(first: int, last: int) -> str:
    return f"#{first} is" if first == last else f"#{first} to #{last} are"
