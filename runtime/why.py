"""Why a thread did what it did at one step, from the record alone: proposal, evidence, rule, score, person, effect."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.actions import Proposal
from core.errors import BadInput
from core.events import ChainedEvent
from core.vocabulary import EventKind


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one proposal: its events, from the decision to the one before the next."""

    events: tuple[ChainedEvent, ...]
    proposal: Proposal
    reviews: tuple[Mapping[str, Any], ...]
    edited: Proposal | None = None
    """What a person made of it."""

    @property
    def decision(self) -> ChainedEvent:
        return self.events[0]

    def of(self, *kinds: EventKind) -> list[ChainedEvent]:
        return [stored for stored in self.events if stored.kind in kinds]

    def last(self, kind: EventKind) -> ChainedEvent | None:
        return next(iter(reversed(self.of(kind))), None)


@dataclass(frozen=True, slots=True)
class Why:
    """A turn, and what the agent went by: each piece of evidence with its source and trust."""

    turn: Turn
    evidence: tuple[Mapping[str, str], ...] = ()
    note: str = ""
    """Why there is no evidence, if there is none."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Argument -> where it comes from."""


def turn_at(events: Sequence[ChainedEvent], step: int) -> tuple[ChainedEvent, ...]:
    """The events from the last decision up to `step` to the next one. Raises BadInput."""
    starts = [place for place, stored in enumerate(events) if stored.kind == "decision"]
    begun = [place for place in starts if events[place].seq <= step]
    if not events or step > events[-1].seq or step < 1:
        raise BadInput(f"There is no #{step}; the thread's events are #1 to #{events[-1].seq if events else 0}.")
    if not begun:
        first = f" The first proposal is #{events[starts[0]].seq}." if starts else ""
        raise BadInput(f"At #{step} nothing was proposed yet.{first}")
    following = next((place for place in starts if place > begun[-1]), len(events))
    return tuple(events[begun[-1] : following])


def turn(
    events: Sequence[ChainedEvent], step: int, texts: Mapping[str, str], reviews: Iterable[Mapping[str, Any]]
) -> Turn:
    """`texts`: SHA-256 -> text, of the proposal. Raises BadInput, also when that text is gone."""
    found = turn_at(events, step)
    said = found[0].body
    if (text := texts.get(said["artifact"])) is None:
        raise BadInput(f"The text of the proposal at #{found[0].seq} (artifact {said['artifact'][:12]}) is gone.")
    asked = {stored.body["review"] for stored in found if stored.kind == "review_requested"}
    of_turn = tuple(review for review in reviews if review["number"] in asked)
    proposal = Proposal.model_validate(json.loads(text))
    return Turn(found, proposal, of_turn, _edited(proposal, of_turn))


def _edited(proposal: Proposal, reviews: Iterable[Mapping[str, Any]]) -> Proposal | None:
    for review in reviews:
        if review["answer"] == "edit" and review["decision"]:
            said = review["decision"]
            return proposal.model_copy(
                update={"id": said["proposal_id"], "arguments": said["edited_action"]["args"], "parent_id": proposal.id}
            )
    return None
