"""Cedar as a gate with three answers.

Cedar only says allow or deny. A gate is a `forbid … unless { context.approved }`: on a deny the question is asked again
with `approved = true`, and an allow then means that a person may let it through. An error in evaluating any rule, or no
decision, is a deny: an erroring `forbid` would otherwise be skipped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

import cedarpy

from core.actions import PolicyDecision
from core.errors import AutonomyError
from policy.facts import Facts

_NO_ENTITIES: list[dict[str, Any]] = []


class PolicyFileError(AutonomyError):
    """A policy file cannot be used."""


@dataclass(frozen=True, slots=True)
class CedarGate:
    """A parsed, validated policy set. `words` maps Cedar's own policy ids to (our id, what it says)."""

    policies: cedarpy.PolicySet
    schema: cedarpy.Schema
    words: dict[str, tuple[str, str]]
    text: str

    def decide(self, facts: Facts) -> PolicyDecision:
        allowed, rules = self._ask(facts)
        if allowed:
            return PolicyDecision(outcome="allow", reasons=self._say(rules), rules=self._ids(rules))
        if not facts.approved and self._ask(replace(facts, approved=True))[0]:
            return PolicyDecision(outcome="review", reasons=self._say(rules), rules=self._ids(rules))
        reasons = self._say(rules) or (f"no policy permits {facts.tool}",)
        return PolicyDecision(outcome="deny", reasons=reasons, rules=self._ids(rules))

    def _ask(self, facts: Facts) -> tuple[bool, list[str]]:
        request = {
            "principal": {"type": "Agent", "id": facts.domain},
            "action": {"type": "Action", "id": "call"},
            "resource": {"type": "Tool", "id": facts.tool},
            "context": facts.context(),
        }
        answer = cedarpy.is_authorized(_uids(request), self.policies, _NO_ENTITIES, schema=self.schema)
        sound = not answer.diagnostics.errors
        return sound and answer.decision == cedarpy.Decision.Allow, list(answer.diagnostics.reasons)

    def _ids(self, rules: list[str]) -> tuple[str, ...]:
        return tuple(self.words[rule][0] for rule in rules)

    def _say(self, rules: list[str]) -> tuple[str, ...]:
        return tuple(self.words[rule][1] for rule in rules)


def load_gate() -> CedarGate:
    """The base policy that ships with this release. Raises PolicyFileError with the file and the reason."""
    folder = resources.files("policy.rules")
    return parse_gate(
        folder.joinpath("base.cedar").read_text(encoding="utf-8"),
        folder.joinpath("schema.cedarschema").read_text(encoding="utf-8"),
    )


def parse_gate(text: str, schema: str, name: str = "base.cedar") -> CedarGate:
    """Parse and validate policies. Each needs an @id, no two the same, and a @says in plain words."""
    try:
        policies, parsed_schema = cedarpy.PolicySet.from_str(text), cedarpy.Schema.from_str(schema)
    except ValueError as error:
        raise PolicyFileError(f"{name} cannot be read: {' '.join(str(error).split())}") from error
    checked = cedarpy.validate_policies(text, schema)
    if not checked.validation_passed:
        raise PolicyFileError(f"{name} does not fit the schema: {checked.errors[0].error}")
    return CedarGate(policies, parsed_schema, _words(text, name), text)


def _words(text: str, name: str) -> dict[str, tuple[str, str]]:
    words: dict[str, tuple[str, str]] = {}
    for cedar_id, rule in json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].items():
        annotations = rule.get("annotations", {})
        if not annotations.get("id") or not annotations.get("says"):
            raise PolicyFileError(f"{name}: the rule {cedar_id} needs an @id and a @says.")
        words[cedar_id] = (annotations["id"], annotations["says"])
    ids = [rule_id for rule_id, _ in words.values()]
    if twice := sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1}):
        raise PolicyFileError(f"{name}: the id {twice[0]} is used twice.")
    return words


def _uids(request: dict[str, Any]) -> dict[str, Any]:
    """Entities in Cedar's own notation; names are quoted, so nothing in them is syntax."""
    for part in ("principal", "action", "resource"):
        uid = request[part]
        request[part] = f"{uid['type']}::{json.dumps(uid['id'])}"
    return request
