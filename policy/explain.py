"""Why a decision came out as it did, and what would have let it through: one fact changed at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Final, NamedTuple

from core.actions import PolicyDecision
from core.vocabulary import PolicyOutcome
from policy.facts import VOCABULARY, Facts
from policy.gate import CedarGate

STRICTNESS: Final[tuple[PolicyOutcome, ...]] = ("allow", "review", "deny")


class Change(NamedTuple):
    """One fact that was changed, and what the decision would have been."""

    fact: str
    was: Any
    instead: Any
    outcome: PolicyOutcome


@dataclass(frozen=True, slots=True)
class Explained:
    """`needs`: the single changes that would have passed, or if none does, those that come nearest."""

    decision: PolicyDecision
    facts: Facts
    needs: tuple[Change, ...]


def explain(gate: CedarGate, facts: Facts) -> Explained:
    """The decision over `facts` under the rules of `gate`, and the smallest changes that make it laxer."""
    decision = gate.decide(facts)
    laxer = [change for change in _changes(gate, facts) if _strict(change.outcome) < _strict(decision.outcome)]
    best = min((_strict(change.outcome) for change in laxer), default=0)
    return Explained(decision, facts, tuple(change for change in laxer if _strict(change.outcome) == best))


def _strict(outcome: PolicyOutcome) -> int:
    return STRICTNESS.index(outcome)


def _changes(gate: CedarGate, facts: Facts) -> Iterator[Change]:
    for each in fields(Facts):
        was = getattr(facts, each.name)
        for instead in _others(each.name, was, facts):
            changed = replace(facts, **{each.name: instead})
            if each.name == "approved" and instead:
                changed = replace(changed, approver_role="publisher")
            yield Change(each.name, was, instead, gate.decide(changed).outcome)


def _others(name: str, was: Any, facts: Facts) -> Iterator[Any]:
    """What else a fact could have been. Names are left as they are: another tool is another call."""
    if isinstance(was, bool):
        yield not was
    elif isinstance(was, frozenset):
        yield from _smaller(name, was)
    elif name in VOCABULARY:
        yield from (word for word in VOCABULARY[name] if word != was)
    elif name == "amount" and was not in range(facts.amount_limit + 1):
        yield min(max(was, 0), facts.amount_limit)


def _smaller(name: str, was: frozenset[str]) -> Iterator[frozenset[str]]:
    for word in sorted(was):
        rest = was - {word}
        yield rest | ({"person"} if name == "control" else set())
    if len(was) > 1:
        yield frozenset({"person"} if name == "control" else ())
