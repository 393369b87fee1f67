"""What is known of each rule by itself: whether it holds, by the values of what it looks at.

Cedar judges every rule on its own and only then combines them: a forbid that holds denies, else a permit that holds
allows. So an answer tells of each rule whether it held, and a rule holds again wherever all that it looks at is the
same. Facts that were never seen together are then decided without asking Cedar, if each rule has met its share of them
before. What an error came with is not learned.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from policy.facts import Facts
from policy.lint import EVERYTHING, Rule, names
from policy.policy_set import PolicySet

Answer = tuple[bool, tuple[Rule, ...]]
_MOST: Final = 4096
"""Values that are kept of one rule; one that looks at an amount meets ever new ones."""
Key = Callable[[Facts], Any]


class Truths:
    """Grows with every answer of Cedar; the same facts get the same answer from it."""

    def __init__(self, policies: PolicySet) -> None:
        kept: list[tuple[Rule, Key, dict[Any, bool]]] = [(rule, _key(rule), {}) for rule in policies.rules]
        self._forbids = [each for each in kept if each[0].effect == "forbid"]
        self._permits = [each for each in kept if each[0].effect == "permit"]

    def answer(self, facts: Facts) -> Answer | None:
        """As Cedar would, with the rules that it rests on; None when a rule would have to be asked."""
        held: list[Rule] = []
        for rule, key, known in self._forbids:
            truth = known.get(key(facts))
            if truth is None:
                return None
            if truth:
                held.append(rule)
        if held:
            return False, tuple(held)
        for rule, key, known in self._permits:
            truth = known.get(key(facts))
            if truth is None:
                return None
            if truth:
                held.append(rule)
        return bool(held), tuple(held)

    def learn(self, facts: Facts, answer: Answer) -> None:
        """Cedar names all forbids that held, or if none did, all permits: then the forbids did not hold."""
        allowed, held = answer
        # Of a denial that a forbid is the reason for, nothing follows for the permits.
        told = self._forbids if held and not allowed else [*self._forbids, *self._permits]
        ids = {rule.id for rule in held}
        for rule, key, known in told:
            if len(known) >= _MOST:
                known.clear()
            known[key(facts)] = rule.id in ids


def _key(rule: Rule) -> Key:
    if rule.looks_at >= EVERYTHING:
        return lambda facts: facts
    looked_at = sorted(rule.looks_at | ({"domain", "tool"} if names(rule.body) else set()))
    return attrgetter(*looked_at) if looked_at else lambda facts: None
