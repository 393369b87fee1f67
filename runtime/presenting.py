"""What a person is shown of a review besides its request: the form of its arguments, what would have let it pass."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import NotFound
from core.people import Approver
from core.tools import ToolSpec
from escalation.lacking import enough
from escalation.score import WEIGHTS

if TYPE_CHECKING:
    from policy.gate import CedarGate
    from runtime.rules_in_force import RulesInForce

PARTS = {"low_confidence": "low confidence", "novelty": "novelty", "historical_need": "history of changes"}


def spec_of(domain: str, action: str) -> ToolSpec:
    """Raises NotFound for an action that this release does not have."""
    from runtime.wiring import Parts  # a second to import; the console does it beside its first page

    known = Parts().domains
    spec = known[domain]().DOMAIN.tools.get(action) if domain in known else None
    if spec is None:
        raise NotFound(f"This release has no action {action} in a domain {domain}.")
    found: ToolSpec = spec
    return found


def form_of(domain: str, action: str) -> dict[str, Any]:
    """JSON schema of the arguments a person may edit. Raises NotFound."""
    spec = spec_of(domain, action)
    schema = spec.arguments.model_json_schema()
    editable = {name: each for name, each in schema.get("properties", {}).items() if name not in spec.bindings}
    return schema | {"properties": editable}


def would_have_passed(request: Mapping[str, Any], facts: Mapping[str, Any] | None, policies: Path | None) -> list[str]:
    """Single changes with which nobody would have been asked, in words. `facts`: those of its policy check."""
    return [*_rules(facts, policies), *_score(request.get("score"), request.get("weights", WEIGHTS))]


def hindrance(
    review: Mapping[str, Any], approver: Approver, facts: Mapping[str, Any] | None, wire: str, policies: Path | None
) -> str:
    """Why that person is not offered that answer; empty when they may give it. `facts`: those of its policy check."""
    from policy.facts import Facts
    from policy.people import hindrance as found

    known = Facts.from_json(dict(facts)) if facts is not None and review["kind"] == "action" else None
    return found(
        lambda: _gate(policies),
        approver,
        review["environment"],
        review["requester"],
        review["action_hash"],
        known,
        wire,
    )


def _score(score: Mapping[str, Any] | None, weights: Mapping[str, float]) -> list[str]:
    if not score or score.get("band") not in ("review", "block"):
        return []
    if score.get("threshold") is None:
        return ["a certificate for this task type: nothing is certified for it yet"]
    if score["total"] <= score["threshold"]:
        return []  # asked about for another reason than its score, which its reasons say
    found = enough(score, score["threshold"], weights)
    if not found:
        return [f"a score up to {score['threshold']:.2f}; no single part of it would have been enough"]
    return [f"{PARTS[name]} up to {most:.2f} instead of {score[name]:.2f}" for name, most in found.items()]


def _rules(facts: Mapping[str, Any] | None, policies: Path | None) -> list[str]:
    if facts is None:
        return []
    from policy.explain import explain
    from policy.facts import Facts

    needed = explain(_gate(policies), Facts.from_json(dict(facts))).needs
    passing = [change for change in needed if change.outcome == "allow" and change.fact != "approved"]
    return [f"{_plain(change.fact)} {_word(change.instead)} instead of {_word(change.was)}" for change in passing]


def _gate(policies: Path | None) -> CedarGate:
    rules = _rules_in_force(policies)
    rules.look()
    return rules.gate()


@cache
def _rules_in_force(policies: Path | None) -> RulesInForce:
    from runtime.rules_in_force import RulesInForce
    from runtime.wiring import Parts

    return RulesInForce(policies, tuple(Parts().domains))


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset | list | tuple | set):
        return ", ".join(sorted(map(str, value))) or "none"
    return str(value)
