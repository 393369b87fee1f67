"""Facts that disagree: which one holds, by a stated rule, and when a person must say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from core.memory import Fact
from core.vocabulary import Trust

__all__ = ("TRUST_ORDER", "Fact", "Fused", "fuse")

TRUST_ORDER: Final[tuple[Trust, ...]] = ("untrusted", "model", "trusted", "profile", "person")


@dataclass(frozen=True, slots=True)
class Fused:
    """`holds`: the fact to go by, None in a conflict. `over`: what it was weighed against. `log`: for people."""

    verdict: Literal["agreed", "replaced", "conflict"]
    holds: Fact | None
    over: tuple[Fact, ...]
    log: str

    @property
    def subject(self) -> str:
        return (self.holds or self.over[0]).subject


def fuse(facts: Sequence[Fact]) -> Fused:
    """One subject's facts in any order: what is newer than and at least as trusted as all that differ holds.

    Otherwise, and when a time can't be compared, it is a conflict: nothing holds until a person answers, and the answer
    is itself the newest and most trusted fact. Raises ValueError on no facts or more than one subject.
    """
    if len({fact.subject for fact in facts}) != 1:
        raise ValueError("Facts are fused for one subject at a time.")
    ordered = sorted(facts, key=lambda fact: (fact.value, fact.source, _rank(fact), str(fact.at)))
    if len({fact.value for fact in ordered}) == 1:
        strongest = max(ordered, key=_rank)
        return Fused("agreed", strongest, (), f"{strongest.subject}: all sources say {strongest.value!r}.")
    winner = next((fact for fact in ordered if _beats_all(fact, ordered)), None)
    if winner is None:
        return Fused("conflict", None, tuple(ordered), _conflict(ordered))
    over = tuple(fact for fact in ordered if fact.value != winner.value)
    return Fused("replaced", winner, over, _replaced(winner, over))


def _beats_all(fact: Fact, others: Sequence[Fact]) -> bool:
    return all(_beats(fact, other) for other in others if other.value != fact.value)


def _beats(fact: Fact, other: Fact) -> bool:
    if fact.at.tzinfo is None or other.at.tzinfo is None:
        return False
    return fact.at > other.at and _rank(fact) >= _rank(other)


def _rank(fact: Fact) -> int:
    """Position in TRUST_ORDER; a word that isn't in it is trusted least."""
    return TRUST_ORDER.index(fact.trust) if fact.trust in TRUST_ORDER else 0


def _replaced(winner: Fact, over: Sequence[Fact]) -> str:
    old = "; ".join(f"{fact.value!r} from {fact.source} ({fact.trust}, {fact.at:%Y-%m-%d})" for fact in over)
    new = f"{winner.value!r} from {winner.source} ({winner.trust}, {winner.at:%Y-%m-%d})"
    return f"{winner.subject}: {new} is newer and at least as trusted; it replaces {old}."


def _conflict(facts: Sequence[Fact]) -> str:
    said = "; ".join(f"{fact.value!r} from {fact.source} ({fact.trust}, {fact.at:%Y-%m-%d})" for fact in facts)
    return f"{facts[0].subject}: the sources disagree and none is both newer and at least as trusted: {said}."
