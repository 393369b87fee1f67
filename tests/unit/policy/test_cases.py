from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.errors import BadInput
from policy.cases import ORDINARY, failures, never_fired, parse_cases, shipped_cases, tried
from policy.explain import explain
from policy.facts import Facts
from policy.gate import CedarGate, load_gate
from policy.policy_set import parse, schema_text, shipped

GATE = load_gate()


def test_every_shipped_case_comes_out_as_it_says() -> None:
    assert [(each.case.name, each.wrong) for each in failures(tried(GATE, shipped_cases()))] == []


def test_the_cases_cover_every_rule_both_ways() -> None:
    results = tried(GATE, shipped_cases())
    assert never_fired(GATE, results) == []
    for rule in GATE.policies.rules:
        assert any(rule.id not in result.fired for result in results), rule.id


@pytest.mark.parametrize("rule", [rule.id for rule in GATE.policies.rules])
def test_without_any_one_rule_some_case_comes_out_differently(rule: str) -> None:
    kept = "\n".join(each.text for each in GATE.policies.rules if each.id != rule)
    weakened = CedarGate(parse({"rest.cedar": kept}, schema_text()))
    assert failures(tried(weakened, shipped_cases())), f"nothing notices that {rule} is gone"


def test_a_rule_that_no_case_makes_fire_is_named() -> None:
    never = (
        '@id("never") @says("x") forbid (principal, action, resource)'
        ' when { context.tier == "read-only" && context.tier == "reversible" };'
    )
    gate = CedarGate(parse(shipped() | {"acme.cedar": never}, schema_text()))
    assert never_fired(gate, tried(gate, shipped_cases())) == ["never"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "x.yaml is not YAML"),
        ("a: 1", "must be a list of cases"),
        ("- {case: c, expect: maybe}", "case 1: expect is allow, review, deny, by hand, not maybe"),
        ("- {case: c, expect: allow, colour: red}", "a case has case, expect, facts, rules"),
        ("- {case: c, expect: allow}\n- {case: d, expect: allow, facts: {colour: red}}", "case 2: there is no fact"),
        ("- {case: c, expect: allow, facts: {approved: 1}}", "approved is true or false"),
        ("- {case: c, expect: allow, facts: {tier: 3}}", r"tier is a word \(read-only, reversible, irreversible\)"),
        ("- {case: c, expect: allow, facts: {control: person}}", "control is a list of words"),
        ("- {case: c, expect: allow, facts: {amount: true}}", "amount is a whole number"),
        ("- {case: c, expect: allow, rules: a}", "rules is a list of ids"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_cases(text, "x.yaml")


def test_a_case_that_comes_out_differently_says_how() -> None:
    [result] = tried(GATE, parse_cases("- {case: c, facts: {tier: irreversible}, expect: allow}", "x.yaml"))
    assert result.wrong == "expected allow, came out as review (irreversible-needs-person)"
    [result] = tried(GATE, parse_cases("- {case: c, expect: allow, rules: [lockdown-only-reads]}", "x.yaml"))
    assert result.wrong == "lockdown-only-reads did not fire"


def needs(facts: Facts) -> set[tuple[str, str]]:
    return {(change.fact, str(change.instead)) for change in explain(GATE, facts).needs}


def test_an_explanation_names_every_single_change_that_would_have_passed() -> None:
    assert needs(ORDINARY) == set()
    assert needs(replace(ORDINARY, tier="irreversible")) == {
        ("tier", "read-only"), ("tier", "reversible"), ("approved", "True"),
    }  # fmt: skip
    assert needs(replace(ORDINARY, tier="reversible", lockdown=True)) == {
        ("tier", "read-only"), ("lockdown", "False"),
    }  # fmt: skip
    assert ("amount", "100000") in needs(replace(ORDINARY, amount=100_001))
    assert ("control", "frozenset({'person'})") in needs(
        replace(ORDINARY, tier="reversible", control=frozenset({"untrusted", "person"}), trust="tainted")
    )


def test_when_no_single_change_passes_the_nearest_are_named() -> None:
    facts = replace(ORDINARY, egress=True, lockdown=True, tier="irreversible", model="offline", in_scope=False)
    assert explain(GATE, facts).decision.outcome == "deny" and needs(facts) == set()
    nearer = replace(ORDINARY, tier="irreversible", authority="prefill", lockdown=True, exhausted=frozenset({"steps"}))
    assert {change.outcome for change in explain(GATE, nearer).needs} == {"review"}


def test_facts_survive_the_log_and_those_of_another_release_are_refused() -> None:
    facts = replace(ORDINARY, control=frozenset({"model", "person"}), exhausted=frozenset({"steps"}))
    said = json.loads(json.dumps(facts.to_json()))
    assert Facts.from_json(said) == facts
    with pytest.raises(BadInput, match="another release.*colour"):
        Facts.from_json({**said, "colour": "red"})
