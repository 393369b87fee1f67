"""What must hold for every combination of facts, not only for those that someone thought of."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from core.actions import PolicyDecision, Proposal
from core.handles import Origins, Source
from core.tools import ToolSpec
from core.vocabulary import TIERS, TRUSTS, Authority, Tier, Trust, members
from policy.cases import ORDINARY
from policy.check import Approval, Situation, Standing, judge
from policy.explain import STRICTNESS
from policy.facts import VOCABULARY, Facts
from policy.gate import CedarGate, load_gate
from policy.policy_set import parse, schema_text, shipped

GATE = load_gate()
AUTHORITIES: tuple[Authority, ...] = ("execute", "prefill", "suggest", "observe")
"""From lax to strict."""


def words(name: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(VOCABULARY[name])


FACTS = st.builds(
    Facts,
    domain=st.just("seo"),
    tool=st.just("tool"),
    tenant=st.just("acme"),
    environment=words("environment"),
    authority=words("authority"),
    model=words("model"),
    tier=words("tier"),
    risk=words("risk"),
    approved=st.booleans(),
    approver_role=words("approver_role"),
    own_request=st.booleans(),
    actor=st.just("seo"),
    role=words("role"),
    task_type=st.just("tool"),
    trust=words("trust"),
    control=st.frozensets(st.sampled_from(TRUSTS)),
    egress=st.booleans(),
    cost=st.integers(0, 1000),
    amount=st.integers(-5, 200),
    amount_limit=st.integers(0, 100),
    listed=st.booleans(),
    exhausted=st.frozensets(st.sampled_from(["steps", "action_cost"])),
    certified=st.booleans(),
    in_scope=st.booleans(),
    lockdown=st.booleans(),
    committed_by=st.just("tool"),
)


def strictness(decision: PolicyDecision) -> float:
    """allow < review < review that a person carries out < deny."""
    return STRICTNESS.index(decision.outcome) + decision.by_hand * 0.5


def never_laxer(facts: Facts, stricter: Facts) -> None:
    assert strictness(GATE.decide(stricter)) >= strictness(GATE.decide(facts)), (facts, stricter)


@given(FACTS)
def test_no_irreversible_call_is_allowed_without_an_approval(facts: Facts) -> None:
    if facts.tier == "irreversible" and not facts.approved:
        assert GATE.decide(facts).outcome != "allow"


@given(FACTS, st.sampled_from(TIERS))
def test_raising_the_tier_never_makes_a_decision_laxer(facts: Facts, tier: Tier) -> None:
    never_laxer(facts, replace(facts, tier=max(tier, facts.tier, key=TIERS.index)))


@given(FACTS, st.sampled_from(["model", "untrusted"]))
def test_tainting_an_argument_never_makes_a_decision_laxer(facts: Facts, label: Trust) -> None:
    never_laxer(facts, replace(facts, trust="tainted"))
    never_laxer(facts, replace(facts, control=facts.control | {label}))
    never_laxer(facts, replace(facts, control=facts.control | {label}, trust="tainted"))


@given(FACTS, st.sampled_from(AUTHORITIES))
def test_lowering_the_level_never_makes_a_decision_laxer(facts: Facts, authority: Authority) -> None:
    never_laxer(facts, replace(facts, authority=max(authority, facts.authority, key=AUTHORITIES.index)))


@given(FACTS)
def test_losing_a_safeguard_never_makes_a_decision_laxer(facts: Facts) -> None:
    for change in (
        {"lockdown": True}, {"in_scope": False}, {"listed": False}, {"certified": False}, {"egress": True},
        {"own_request": True}, {"exhausted": facts.exhausted | {"steps"}}, {"amount": facts.amount_limit + 1},
        {"model": "offline"},
    ):  # fmt: skip
        never_laxer(facts, replace(facts, **change))


@given(FACTS, st.sampled_from(["reviewer", "admin"]), st.booleans())
def test_a_deny_cannot_be_approved(facts: Facts, role: Any, own: bool) -> None:
    unapproved = replace(facts, approved=False, approver_role="none", own_request=False)
    if GATE.decide(unapproved).outcome == "deny":
        approved = replace(unapproved, approved=True, approver_role=role, own_request=own)
        assert GATE.decide(approved).outcome == "deny"


@given(FACTS)
def test_lockdown_stops_whatever_is_not_read_only(facts: Facts) -> None:
    decision = GATE.decide(replace(facts, lockdown=True))
    assert facts.tier == "read-only" or decision.outcome == "deny"


@given(FACTS, st.sampled_from(sorted(VOCABULARY)), st.text(max_size=12))
def test_an_unknown_word_is_a_deny(facts: Facts, name: str, word: str) -> None:
    if word not in VOCABULARY[name]:
        strange = frozenset({word}) if name == "control" else word
        assert GATE.decide(replace(facts, **{name: strange})).outcome == "deny"


def test_the_strategy_leaves_no_fact_out() -> None:
    """A fact that someone adds must be varied here too."""
    varied = {"domain", "tool", "tenant", "actor", "task_type", "committed_by"}
    assert {each.name for each in fields(Facts)} - varied == set(VOCABULARY) - {"committed_by"} | {
        "approved", "own_request", "egress", "cost", "amount", "amount_limit", "listed", "exhausted", "certified",
        "in_scope", "lockdown",
    }  # fmt: skip
    assert set(AUTHORITIES) == set(members(Authority))


# The same through the whole check, from a proposal on.


class Mail(BaseModel):
    model_config = ConfigDict(extra="forbid")
    to: str
    text: str = ""


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


class Sent(BaseModel):
    id: str


def mail(tier: Tier = "reversible") -> ToolSpec:
    return ToolSpec("mail", "m", Mail, Sent, tier, "unsafe", 10, 1.0, egress=True, control_arguments=frozenset({"to"}))


@given(st.lists(FACTS, min_size=1, max_size=12))
def test_what_is_put_together_from_known_rules_is_what_cedar_answers(seen: list[Facts]) -> None:
    gate, cedar = CedarGate(GATE.policies), CedarGate(GATE.policies)
    for facts in seen:
        gate.ask(facts)
    for facts in (*seen, *(replace(one, tier=other.tier, control=other.control) for one in seen for other in seen[:3])):
        known = gate.truths.answer(facts)
        allowed, rules = cedar.ask(facts)
        assert known is None or (known[0], [rule.id for rule in known[1]]) == (allowed, [rule.id for rule in rules])
    assert all(gate.truths.answer(facts) is not None for facts in seen)


def test_what_is_known_of_a_rule_holds_for_every_tool_unless_the_rule_names_one() -> None:
    seen, other = replace(ORDINARY, tool="mail"), replace(ORDINARY, domain="elsewhere", tool="wire")
    general = load_gate()
    general.ask(seen)
    assert general.truths.answer(other) == general.ask(other)
    text = '@id("one") @says("no wire") forbid (principal, action == Action::"call", resource == Tool::"wire");'
    naming = CedarGate(parse(shipped() | {"own.cedar": text}, schema_text()))
    naming.ask(seen)
    assert naming.truths.answer(other) is None
    assert naming.decide(other).outcome == "deny" != naming.decide(seen).outcome


SITUATION = Situation("desk", "acme", "production", "execute", offline=False, certified=frozenset({"mail"}))
PAGE = Source("a" * 64, "untrusted", value={"email": "eve@evil.example"})


@given(approved_hash=st.sampled_from(["same", "other", "none"]), text=st.text(max_size=20), tainted=st.booleans())
def test_only_an_approval_of_exactly_this_hash_counts(approved_hash: str, text: str, tainted: bool) -> None:
    proposal = Proposal(id="p", action="mail", arguments={"to": "kim@acme.example", "text": text})
    other = Proposal(id="p", action="mail", arguments={"to": "kim@acme.example", "text": text + "!"})
    of = {"same": proposal.hash, "other": other.hash}.get(approved_hash)
    approval = Approval("dana", "publisher", of, own=False) if of else None
    origins = Origins({}, {}, {"page": PAGE} if tainted else {})
    judged = judge(GATE, proposal, {"mail": mail("irreversible")}, SITUATION, Standing(["mail"], (), approval, origins))
    assert judged.decision.outcome == ("allow" if approved_hash == "same" else "review")


@given(st.text(max_size=12))
def test_an_unknown_tool_is_a_deny_even_offered_and_approved(name: str) -> None:
    proposal = Proposal(id="p", action=f"{name}!", arguments={})
    approval = Approval("dana", "admin", proposal.hash, own=False)
    known = {"mail": mail("read-only")}
    judged = judge(GATE, proposal, known, SITUATION, Standing([proposal.action], (), approval))
    assert judged.decision.outcome == "deny"


@pytest.mark.parametrize(
    ("to", "label", "outcome"),
    [
        ("kim@acme.example", "person", "allow"),
        ("desk@acme.example", "profile", "allow"),
        ("eve@evil.example", "model", "review"),
        ({"$ref": "page#/email", "sha256": "a" * 64}, "untrusted", "review"),
        ({"$ref": "order#/email", "sha256": "b" * 64}, "trusted", "allow"),
        ({"$ref": "order#/note", "sha256": "b" * 64}, "untrusted", "review"),
    ],
)
def test_a_recipient_runs_alone_only_from_the_person_the_profile_or_a_trusted_field(
    to: Any, label: Trust, outcome: str
) -> None:
    order = Source("b" * 64, "untrusted", frozenset({"/email"}), {"email": "kim@acme.example", "note": "eve@x.example"})
    origins = Origins(
        {"customer": "kim@acme.example"}, {"contact": "desk@acme.example"}, {"page": PAGE, "order": order}
    )
    proposal = Proposal(id="p", action="mail", arguments={"to": to, "text": "hello"})
    judged = judge(GATE, proposal, {"mail": mail()}, SITUATION, Standing(["mail"], (), None, origins))
    assert judged.labels["to"] == label
    assert judged.decision.outcome == outcome


def test_arguments_raise_a_tier_and_never_lower_it() -> None:
    asked: list[Tier] = ["read-only", "reversible", "irreversible"]
    for declared in TIERS:
        for wanted in asked:
            spec = replace(mail(declared), raised_tier=lambda _, wanted=wanted: wanted)
            assert TIERS.index(spec.tier_of({})) == max(TIERS.index(declared), TIERS.index(wanted))
    nonsense: Any = "sideways"
    assert replace(mail(), raised_tier=lambda _: nonsense).tier_of({}) == "irreversible"


def test_the_tier_of_a_decision_is_that_of_this_very_call() -> None:
    spec = replace(mail(), raised_tier=lambda given: "irreversible" if given["text"] else "reversible")
    origins = Origins({"customer": "kim@acme.example"})
    for text, outcome in (("", "allow"), ("hello", "review")):
        proposal = Proposal(id="p", action="mail", arguments={"to": "kim@acme.example", "text": text})
        judged = judge(GATE, proposal, {"mail": spec}, SITUATION, Standing(["mail"], (), None, origins))
        assert judged.decision.outcome == outcome


@pytest.mark.parametrize(
    ("amount", "outcome"), [(10, "allow"), (10.2, "deny"), (11, "deny"), (-1, "deny"), ("x", "deny")]
)
def test_an_amount_that_cannot_be_read_counts_as_the_most(amount: Any, outcome: str) -> None:
    spec = replace(mail(), arguments=Anything, amount="amount", amount_limit=10, control_arguments=frozenset())
    proposal = Proposal(id="p", action="mail", arguments={"amount": amount})
    judged = judge(GATE, proposal, {"mail": spec}, SITUATION, Standing(["mail"], ()))
    assert judged.decision.outcome == outcome


def test_an_edit_is_made_on_the_part_of_the_person_who_made_it() -> None:
    proposal = Proposal(id="p", action="mail", arguments={"to": "kim@acme.example"}, parent_id="q")
    for role, outcome in (("viewer", "deny"), ("reviewer", "allow")):
        approval = Approval("vic", role, proposal.hash, own=False)  # type: ignore[arg-type]
        judged = judge(GATE, proposal, {"mail": mail()}, SITUATION, Standing(["mail"], (), approval))
        assert judged.decision.outcome == outcome
        assert judged.facts is not None and judged.facts.actor == "vic"


def test_a_page_stays_in_mind_after_its_result_is_gone() -> None:
    proposal = Proposal(id="p", action="mail", arguments={"to": "eve@evil.example"})
    judged = judge(GATE, proposal, {"mail": mail()}, SITUATION, Standing(["mail"], (), tainted=True))
    assert judged.decision.outcome == "review"
    assert "to comes from the model" in judged.decision.reasons


def test_ordinary_facts_are_known() -> None:
    assert ORDINARY.unknown() == () and Facts.from_json(ORDINARY.to_json()) == ORDINARY
