"""What makes a policy file unusable. Every problem is refused at the start, with file, line and reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import cedarpy

from core.errors import BadInput
from policy.facts import VOCABULARY
from policy.statements import Statement, statements

EVERYTHING: Final = frozenset({"*"})
"""Stands for all facts: a rule that passes the whole context on may look at any of them."""


class PolicyFileError(BadInput):
    """A policy file cannot be used."""

    def __init__(self, name: str, line: int, reason: str) -> None:
        super().__init__(f"{name}:{line}: {reason}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `body` is Cedar's JSON form of it; `says` is what a person reads when it decides."""

    id: str
    says: str
    effect: Literal["permit", "forbid"]
    file: str
    line: int
    text: str
    body: Mapping[str, Any]
    looks_at: frozenset[str]
    """The facts that its conditions mention, or EVERYTHING."""


def checked_rule(name: str, text: str, schema: cedarpy.Schema) -> Iterator[Rule]:
    """The rules of one file. Raises PolicyFileError at the first that cannot be used."""
    for statement in statements(text):
        body = _parsed(name, statement)
        checked = cedarpy.validate_policies(statement.text, schema)
        if not checked.validation_passed:
            reason = checked.errors[0].error.replace("for policy `policy0`, ", "")
            raise PolicyFileError(name, statement.line, f"the rule does not fit the schema: {reason}")
        said = body.get("annotations", {})
        missing = [f"@{each}" for each in ("id", "says") if not str(said.get(each) or "").strip()]
        if missing:
            raise PolicyFileError(name, statement.line, f"the rule needs {' and '.join(missing)}")
        where = (name, statement.line, statement.text)
        rule = Rule(said["id"], said["says"], body["effect"], *where, body, attributes(body))
        _refuse_unknown_words(rule)
        if rule.effect == "permit" and permits_everything(rule):
            raise PolicyFileError(name, rule.line, f"the rule {rule.id} permits everything; say when it applies")
        yield rule


def refuse_doubles(rules: Sequence[Rule]) -> None:
    """Raises PolicyFileError for the second rule of an id."""
    seen: dict[str, Rule] = {}
    for rule in rules:
        if (first := seen.setdefault(rule.id, rule)) is not rule:
            raise PolicyFileError(
                rule.file, rule.line, f"the id {rule.id} is used twice; the other is {first.file}:{first.line}"
            )


def refuse_foreign(rule: Rule, domain: str) -> None:
    """Raises PolicyFileError for a rule of a domain's own that permits anything or speaks of another domain."""
    own = {"op": "==", "entity": {"type": "Agent", "id": domain}}
    if rule.effect != "forbid" or rule.body.get("principal") != own:
        reason = f'the rule {rule.id} of a domain must be `forbid (principal == Agent::"{domain}", …)`'
        raise PolicyFileError(rule.file, rule.line, reason)


def attributes(body: Any) -> frozenset[str]:
    """The facts that a rule looks at, or EVERYTHING."""
    return frozenset(_attributes(body))


def names(body: Any) -> frozenset[str]:
    """The tools and domains that a rule names. There is one action, which tells no two calls apart."""
    return frozenset(each for kind, each in _entities(body) if kind != "Action")


def permits_everything(rule: Rule) -> bool:
    """Whether a rule alone lets the most dangerous and the most harmless call through, with any combination between.

    Its conditions are tried on calls that share no fact; a rule that holds for all of them says nothing.
    """
    alone = cedarpy.PolicySet.from_str(rule.text)
    requests = [
        {"principal": f'Agent::"{name}"', "action": 'Action::"call"', "resource": f'Tool::"{name}"', "context": context}
        for name, context in _opposites()
    ]
    answers = cedarpy.is_authorized_batch(requests, alone, [])
    return all(answer.decision == cedarpy.Decision.Allow for answer in answers)


def _opposites() -> Iterator[tuple[str, dict[str, Any]]]:
    """For each place in the vocabularies, one call made of the words there; flags, numbers and sets likewise."""
    most = max(len(words) for words in VOCABULARY.values())
    for place in range(most):
        words: dict[str, Any] = {name: said[place % len(said)] for name, said in VOCABULARY.items()}
        flags = dict.fromkeys(_FLAGS, place % 2 == 0)
        amounts = {"cost": place * 97, "amount": place * 1_000_003, "amount_limit": place * 500_009}
        texts = {"tenant": f"t{place}", "actor": f"a{place}", "task_type": f"k{place}"}
        sets = {"control": [words["control"]] if place else [], "exhausted": ["steps"] if place else []}
        yield f"n{place}", {**words, **flags, **amounts, **texts, **sets}


_FLAGS: Final = ("approved", "own_request", "egress", "listed", "certified", "in_scope", "lockdown")


def _parsed(name: str, statement: Statement) -> Mapping[str, Any]:
    try:
        whole = json.loads(cedarpy.policies_to_json_str(statement.text))
    except ValueError as error:
        reason = " ".join(str(error).split())
        ending = "" if statement.ended else "; a rule ends with a semicolon"
        raise PolicyFileError(name, statement.line, f"the rule cannot be read: {reason}{ending}") from error
    if len(whole["staticPolicies"]) != 1:
        raise PolicyFileError(name, statement.line, "templates are not used here; name the tool or the domain")
    body: Mapping[str, Any] = next(iter(whole["staticPolicies"].values()))
    return body


def _refuse_unknown_words(rule: Rule) -> None:
    for fact, word in _comparisons(rule.body):
        if word not in VOCABULARY.get(fact, (word,)):
            known = ", ".join(VOCABULARY[fact])
            raise PolicyFileError(
                rule.file, rule.line, f'the rule {rule.id} compares {fact} with "{word}"; it knows {known}'
            )


def _comparisons(node: Any) -> Iterator[tuple[str, str]]:
    """(fact, word) of every comparison of a fact with a literal."""
    if isinstance(node, Mapping):
        for operator in ("==", "!=", "contains", "containsAny", "containsAll"):
            if isinstance(sides := node.get(operator), Mapping) and "left" in sides:
                both = (sides["left"], sides["right"])
                for fact, other in (both, both[::-1]):
                    if (name := _fact(fact)) is not None:
                        yield from ((name, word) for word in _words(other))
    for item in _below(node):
        yield from _comparisons(item)


def _words(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(word := node.get("Value"), str):
            yield word
        for item in node.get("Set", ()):
            yield from _words(item)


def _fact(node: Any) -> str | None:
    access = node.get(".") if isinstance(node, Mapping) else None
    if isinstance(access, Mapping) and access.get("left") == {"Var": "context"}:
        return str(access["attr"])
    return None


def _attributes(node: Any) -> Iterator[str]:
    if (name := _fact(node)) is not None:
        yield name
        return
    if node == {"Var": "context"}:
        yield from EVERYTHING
    for item in _below(node):
        yield from _attributes(item)


def _entities(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping) and isinstance(node.get("type"), str) and isinstance(node.get("id"), str):
        yield node["type"], node["id"]
    for item in _below(node):
        yield from _entities(item)


def _below(node: Any) -> Iterable[Any]:
    if isinstance(node, Mapping):
        return node.values()
    return node if isinstance(node, list) else ()
