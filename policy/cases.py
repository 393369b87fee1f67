"""The table test of policies: facts, and what must come of them. People extend it with cases of their own.

A case names only the facts that matter to it; the others are those of ORDINARY. A rule that no case makes fire is
named, because it may be one that can't.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import resources
from typing import Any, Final, get_args

import yaml

from core.errors import BadInput
from core.vocabulary import PolicyOutcome
from policy.facts import VOCABULARY, Facts
from policy.gate import CedarGate

ORDINARY: Final = Facts(
    domain="seo",
    tool="some_tool",
    tenant="acme",
    environment="production",
    authority="execute",
    model="remote",
    tier="read-only",
    risk="normal",
    approved=False,
    approver_role="none",
    own_request=False,
    actor="seo",
    role="agent",
    task_type="some_tool",
    trust="clean",
    control=frozenset(),
    egress=False,
    cost=1,
    amount=0,
    amount_limit=100_000,
    listed=True,
    exhausted=frozenset(),
    certified=True,
    in_scope=True,
    lockdown=False,
)
"""A certified agent in production reads something that was never touched by untrusted content."""

_BY_HAND: Final = "by hand"
OUTCOMES: Final = (*get_args(PolicyOutcome), _BY_HAND)
_KEYS: Final = {"case", "facts", "expect", "rules"}


@dataclass(frozen=True, slots=True)
class Case:
    """`expect`: allow, review, deny, or `by hand` (a review, then the person does it). `rules`: all must fire."""

    name: str
    facts: Facts
    expect: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """A case and what came of it; `wrong` says how it differs, empty when it does not."""

    case: Case
    outcome: str
    fired: frozenset[str]
    wrong: str


def shipped_cases() -> list[Case]:
    """The cases that come with the shipped rules."""
    return parse_cases(resources.files("policy").joinpath("cases.yaml").read_text(encoding="utf-8"), "cases.yaml")


def parse_cases(text: str, name: str) -> list[Case]:
    """A list of cases in YAML. Raises BadInput with the file, the case and what is wrong with it."""
    try:
        listed = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise BadInput(f"{name} is not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(listed, list) or not listed:
        raise BadInput(f"{name} must be a list of cases, each with case, facts and expect.")
    return [_case(item, f"{name}, case {number}") for number, item in enumerate(listed, start=1)]


def tried(gate: CedarGate, cases: Iterable[Case]) -> list[Tried]:
    return [_tried(gate, case) for case in cases]


def never_fired(gate: CedarGate, results: Iterable[Tried]) -> list[str]:
    """Ids of rules that no case made fire, in the order of the files."""
    fired = frozenset[str]().union(*(result.fired for result in results))
    return [rule.id for rule in gate.policies.rules if rule.id not in fired]


def outcome_of(gate: CedarGate, facts: Facts) -> str:
    decision = gate.decide(facts)
    return _BY_HAND if decision.by_hand else decision.outcome


def _tried(gate: CedarGate, case: Case) -> Tried:
    outcome = outcome_of(gate, case.facts)
    named = gate.decide(case.facts).rules
    fired = frozenset(rule.id for rule in gate.ask(case.facts)[1]) if not case.facts.unknown() else frozenset()
    missing = [rule for rule in case.rules if rule not in fired | set(named)]
    wrong = f"expected {case.expect}, came out as {outcome} ({', '.join(named) or 'no rule'})"
    if outcome == case.expect:
        wrong = f"{', '.join(missing)} did not fire" if missing else ""
    return Tried(case, outcome, fired, wrong)


def _case(item: Any, where: str) -> Case:
    if not isinstance(item, dict) or not {"case", "expect"} <= set(item) <= _KEYS:
        raise BadInput(f"{where}: a case has {', '.join(sorted(_KEYS))} and nothing else.")
    if item["expect"] not in OUTCOMES:
        raise BadInput(f"{where}: expect is {', '.join(OUTCOMES)}, not {item['expect']}.")
    return Case(str(item["case"]), _facts(item.get("facts") or {}, where), item["expect"], _rules(item, where))


def _rules(item: Mapping[str, Any], where: str) -> tuple[str, ...]:
    rules = item.get("rules", [])
    if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        raise BadInput(f"{where}: rules is a list of ids.")
    return tuple(rules)


def _facts(given: Any, where: str) -> Facts:
    if not isinstance(given, dict):
        raise BadInput(f"{where}: facts is a mapping of fact to value.")
    known = {each.name for each in fields(Facts)}
    if unknown := sorted(str(name) for name in given if name not in known):
        raise BadInput(f"{where}: there is no fact {unknown[0]}; there are {', '.join(sorted(known))}.")
    return replace(ORDINARY, **{name: _value(name, value, where) for name, value in given.items()})


def _value(name: str, value: Any, where: str) -> Any:
    wanted = getattr(ORDINARY, name)
    if isinstance(wanted, frozenset):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise BadInput(f"{where}: {name} is a list of words.")
        return frozenset(value)
    if type(value) is not type(wanted):
        kind = {bool: "true or false", int: "a whole number", str: "a word"}[type(wanted)]
        raise BadInput(f"{where}: {name} is {kind}{_words(name)}.")
    return value


def _words(name: str) -> str:
    return f" ({', '.join(VOCABULARY[name])})" if name in VOCABULARY else ""


def failures(results: Sequence[Tried]) -> list[Tried]:
    return [result for result in results if result.wrong]
