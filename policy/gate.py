"""Cedar as a gate with three answers.

Cedar only says allow or deny. A gate is a `forbid … unless { context.approved }`: on a deny the question is asked again
as if a person had approved, and an allow then means that a person may let it through. A third question, as if the
person also carried it out, tells what is only prepared here. An error in evaluating any rule, or no decision, is a
deny: an erroring `forbid` would otherwise be skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import cedarpy

from core.actions import PolicyDecision
from policy.facts import Facts
from policy.lint import EVERYTHING, PolicyFileError, Rule
from policy.policy_set import Files, PolicySet, load, parse, rule_of
from policy.truths import Answer, Truths

__all__ = ["CedarGate", "PolicyFileError", "load_gate", "parse_gate"]

_NO_ENTITIES: Final = cedarpy.Entities.from_json_str("[]")
_MOST_DECISIONS: Final = 4096
_OF_APPROVAL: Final = frozenset({"approved", "approver_role", "own_request"})
_BY_HAND: Final = frozenset({"committed_by"})


@dataclass(frozen=True, slots=True)
class CedarGate:
    """Decides over facts. Pure: the same facts get the same decision, so decisions are kept."""

    policies: PolicySet
    truths: Truths = field(init=False, compare=False, repr=False)
    _decisions: dict[Any, PolicyDecision] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "truths", Truths(self.policies))

    @property
    def text(self) -> str:
        return self.policies.text

    def decide(self, facts: Facts) -> PolicyDecision:
        key = self._key(facts)
        if (known := self._decisions.get(key)) is not None:
            return known
        if len(self._decisions) >= _MOST_DECISIONS:
            self._decisions.clear()
        self._decisions[key] = decision = self._decide(facts)
        return decision

    def ask(self, facts: Facts) -> Answer:
        """Cedar's own answer to one question, and the rules that it rests on; each rule's share of it is remembered."""
        context = facts.context()
        sent = context if self.policies.mentioned >= EVERYTHING else self.policies.mentioned
        request = {
            "principal": {"type": "Agent", "id": self._name(facts.domain)},
            "action": 'Action::"call"',
            "resource": {"type": "Tool", "id": self._name(facts.tool)},
            "context": {name: context[name] for name in sent},
        }
        answer = cedarpy.is_authorized(request, self.policies.handle, _NO_ENTITIES)
        rules = tuple(rule_of(self.policies, each) for each in sorted(answer.diagnostics.reasons, key=_number))
        allowed = answer.decision == cedarpy.Decision.Allow
        if answer.diagnostics.errors:
            return False, rules
        self.truths.learn(facts, (allowed, rules))
        return allowed, rules

    def _answer(self, facts: Facts) -> Answer:
        known = self.truths.answer(facts)
        return self.ask(facts) if known is None else known

    def _decide(self, facts: Facts) -> PolicyDecision:
        if strange := facts.unknown():
            return PolicyDecision(outcome="deny", reasons=tuple(f"there is no {each}" for each in strange))
        allowed, why = self._answer(facts)
        if allowed:
            return _decision("allow", why)
        approved = replace(facts, approved=True, approver_role="admin", own_request=False)
        if self._passes(approved, why, _OF_APPROVAL):
            return _decision("review", why)
        if self._passes(replace(approved, committed_by="person"), why, _OF_APPROVAL | _BY_HAND):
            return _decision("review", why).model_copy(update={"by_hand": True})
        kept = tuple(rule for rule in why if not rule.looks_at & _OF_APPROVAL) or self._answer(approved)[1]
        return PolicyDecision(outcome="deny", reasons=_says(kept) or ("no policy permits this call",), rules=_ids(kept))

    def _passes(self, facts: Facts, fired: tuple[Rule, ...], changed: frozenset[str]) -> bool:
        """Whether `facts` pass, which differ in `changed` from those on which the rules `fired`.

        A forbid that looks at nothing of what was changed still holds, and saves the question.
        """
        if any(not rule.looks_at & (changed | EVERYTHING) for rule in fired):
            return False
        return self._answer(facts)[0]

    def _key(self, facts: Facts) -> tuple[Any, ...]:
        """All that a rule could tell two calls apart by."""
        return (self._name(facts.domain), self._name(facts.tool), *self.policies.telling(facts))

    def _name(self, name: str) -> str:
        """Names that no rule mentions are alike to Cedar."""
        return name if name in self.policies.named else "other"


def load_gate(folder: Path | None = None, brought: Mapping[str, Files] = MappingProxyType({})) -> CedarGate:
    """The policies of this release, of its domains and of `folder`. Raises BadInput with file, line and reason."""
    return CedarGate(load(folder, brought))


def parse_gate(text: str, schema: str, name: str = "policy.cedar") -> CedarGate:
    """A gate over the rules of one text. Raises PolicyFileError."""
    return CedarGate(parse({name: text}, schema))


def _decision(outcome: Any, rules: tuple[Rule, ...]) -> PolicyDecision:
    return PolicyDecision(outcome=outcome, reasons=_says(rules), rules=_ids(rules))


def _ids(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    return tuple(rule.id for rule in rules)


def _says(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    return tuple(rule.says for rule in rules)


def _number(cedar_id: str) -> int:
    return int(cedar_id.removeprefix("policy"))
