"""What is known of a tenant's world beside the thread: facts and passages, each with where it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from core.canonical import storable
from core.domain import PromptMessage
from core.vocabulary import Trust


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement about a subject, with where it came from. `at` carries a time zone."""

    subject: str
    value: str
    source: str
    trust: Trust
    at: datetime


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a text that was given to the agent."""

    text: str
    source: str
    trust: Trust


@dataclass(frozen=True, slots=True)
class Conflict:
    """Facts of one subject of which none holds; `log` says it in words."""

    subject: str
    facts: tuple[Fact, ...]
    log: str


@dataclass(frozen=True, slots=True)
class Recall:
    """What holds, what fits, and a contradiction that nobody is being asked about yet."""

    facts: tuple[Fact, ...] = ()
    passages: tuple[Passage, ...] = ()
    conflict: Conflict | None = None

    def to_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(json.dumps(storable(asdict(self)), default=str))
        return plain

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        conflict = said["conflict"]
        return cls(
            _facts(said["facts"]),
            tuple(Passage(**passage) for passage in said["passages"]),
            conflict and Conflict(conflict["subject"], _facts(conflict["facts"]), conflict["log"]),
        )

    def messages(self) -> Iterator[PromptMessage]:
        """As the planner is shown it: quoted, each under its source; nothing of it is an instruction."""
        for fact in self.facts:
            yield _material("fact", {"subject": fact.subject, "value": fact.value}, fact.source, fact.trust)
        for passage in self.passages:
            yield _material("passage", {"text": passage.text}, passage.source, passage.trust)

    @property
    def untrusted(self) -> bool:
        trusts = [fact.trust for fact in self.facts] + [passage.trust for passage in self.passages]
        return "untrusted" in trusts


def _facts(said: Sequence[Mapping[str, Any]]) -> tuple[Fact, ...]:
    return tuple(Fact(**{**fact, "at": datetime.fromisoformat(fact["at"])}) for fact in said)


def _material(name: str, data: dict[str, str], source: str, trust: Trust) -> PromptMessage:
    text = json.dumps(storable({"name": name, "data": data}), ensure_ascii=False)
    return PromptMessage("material", text, source, trust)
