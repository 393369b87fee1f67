"""Rules that domains bring: they bind their own domain, and can only forbid."""

from __future__ import annotations

import pytest

from core.tools import Allowlist
from policy.allowlists import on_list
from policy.cases import failures, shipped_cases, tried
from policy.facts import MOST, limit_of
from policy.gate import CedarGate, load_gate
from policy.lint import PolicyFileError
from policy.policy_set import load, parse, schema_text
from runtime.domain_rules import brought, cases
from runtime.wiring import DOMAINS

GATE = load_gate(None, brought(DOMAINS))
OWN = [rule.id for rule in GATE.policies.rules if "/" in rule.file]
PROFILE = {"vendors": ["parcel-riders", "mending-workshop"], "refund_limit": 20_000}


def test_the_cases_of_the_domains_come_out_as_they_say() -> None:
    assert failures(tried(GATE, [*shipped_cases(), *cases(DOMAINS)])) == []


@pytest.mark.parametrize("rule", OWN)
def test_without_a_rule_of_a_domain_some_case_comes_out_differently(rule: str) -> None:
    kept = "\n".join(each.text for each in GATE.policies.rules if each.id != rule)
    weakened = CedarGate(parse({"rest.cedar": kept}, schema_text()))
    assert failures(tried(weakened, cases(DOMAINS))), f"nothing notices that {rule} is gone"


@pytest.mark.parametrize(
    "rule",
    [
        'permit (principal == Agent::"elves", action, resource) when { context.cost > 1 };',
        'forbid (principal == Agent::"dwarves", action, resource) when { context.cost > 1 };',
        "forbid (principal, action, resource) when { context.cost > 1 };",
    ],
)
def test_a_domain_cannot_permit_anything_nor_bind_another(rule: str) -> None:
    with pytest.raises(PolicyFileError, match=r"elves/x.cedar:1: the rule own of a domain must be `forbid"):
        load(None, {"elves": {"elves/x.cedar": f'@id("own") @says("own") {rule}'}})


@pytest.mark.parametrize(
    ("entry", "value", "fits"),
    [
        ("profile:vendors", "parcel-riders", True),
        ("profile:vendors", "evil-corp", False),
        ("profile:missing", "parcel-riders", False),
        ("profile:refund_limit", "20000", False),
        ("task:vendors", "parcel-riders", False),
    ],
)
def test_a_list_of_the_profile_is_a_list(entry: str, value: str, fits: bool) -> None:
    assert on_list(Allowlist("value", (entry,)), value, {}, PROFILE) is fits


def test_the_profile_only_lowers_a_limit_and_without_it_nothing_is_allowed() -> None:
    from domains.refunds.tools import MOST_REFUNDED, TOOLS

    spec = TOOLS["issue_refund"]
    assert limit_of(spec, PROFILE) == 20_000
    assert limit_of(spec, {"refund_limit": MOST}) == MOST_REFUNDED
    for nothing in ({}, {"refund_limit": "20000"}, {"refund_limit": True}):
        assert limit_of(spec, nothing) == -1
