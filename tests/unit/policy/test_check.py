from __future__ import annotations

from dataclasses import replace
from importlib import resources
from itertools import product
from typing import Any

from pydantic import BaseModel, ConfigDict

from core.actions import PolicyDecision, Proposal
from core.tools import ToolSpec
from core.vocabulary import Authority, Environment, Risk, Tier, members
from policy.cases import ORDINARY
from policy.check import Approval, Situation, Standing, check, offer
from policy.gate import load_gate, parse_gate
from policy.limits import MAX_ATTEMPTS, limit_reached


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str


class Result(BaseModel):
    done: bool


def spec(name: str, tier: Tier) -> ToolSpec:
    return ToolSpec(name, name, Arguments, Result, tier, "local", 1, 1.0)


TOOLS = {"read": spec("read", "read-only"), "write": spec("write", "reversible"), "send": spec("send", "irreversible")}
GATE = load_gate()
SCHEMA = resources.files("policy.rules").joinpath("schema.cedarschema").read_text()
LOCAL = Situation("seo", "acme", "local", "execute", offline=False)


def judged(action: str, situation: Situation = LOCAL, approver: str | None = None, **standing: Any) -> PolicyDecision:
    proposal = Proposal(id="p", action=action, arguments={"text": "x"})
    approval = Approval(approver, "reviewer", proposal.hash, own=False) if approver else None
    where = Standing(standing.get("offered", tuple(TOOLS)), standing.get("rejected", ()), approval)
    return check(GATE, proposal, TOOLS, situation, where)


FACTS = replace(ORDINARY, tool="send", tier="irreversible", environment="local")


def test_reading_and_reversible_writes_pass_and_the_irreversible_goes_to_a_person() -> None:
    assert judged("read").outcome == "allow"
    assert judged("write").outcome == "allow"
    send = judged("send")
    assert send.outcome == "review" and send.rules == ("irreversible-needs-person",)
    assert judged("send", approver="Dana").outcome == "allow"


def test_the_irreversible_is_reviewed_or_denied_in_every_combination_of_facts() -> None:
    dimensions = product(members(Environment), members(Authority), ("offline", "remote"), members(Risk))
    for environment, authority, model, risk in dimensions:
        facts = replace(FACTS, environment=environment, authority=authority, model=model, risk=risk)
        assert GATE.decide(facts).outcome != "allow", facts


def test_without_a_language_model_publishing_is_denied_even_when_approved() -> None:
    offline = replace(LOCAL, offline=True)
    assert judged("send", offline, approver="Dana").outcome == "deny"
    assert offer(GATE, list(TOOLS), TOOLS, lambda task_type: offline) == ("read", "write")


def test_suggest_asks_for_each_write_and_observe_denies_them() -> None:
    assert judged("write", replace(LOCAL, authority="suggest")).outcome == "review"
    assert judged("write", replace(LOCAL, authority="suggest"), approver="Dana").outcome == "allow"
    assert judged("write", replace(LOCAL, authority="observe"), approver="Dana").outcome == "deny"
    assert judged("read", replace(LOCAL, authority="observe")).outcome == "allow"


def test_what_is_unknown_is_denied() -> None:
    assert judged("delete").outcome == "deny"
    assert judged("write", offered=("read",)).reasons == ("write was not offered; the offer was read",)
    for change in ({"tier": "sideways"}, {"tier": ""}, {"environment": "moon"}, {"role": "king"}, {"authority": "all"}):
        decision = GATE.decide(replace(FACTS, **change, approved=True, approver_role="admin"))
        [(name, word)] = change.items()
        assert decision.outcome == "deny" and decision.reasons == (f'there is no {name} "{word}"',)


def test_what_no_rule_permits_is_denied() -> None:
    text = '@id("a") @says("x") permit (principal, action, resource == Tool::"read");'
    assert parse_gate(text, SCHEMA).decide(FACTS).reasons == ("no policy permits this call",)
    assert parse_gate(text, SCHEMA).decide(replace(FACTS, tool="read")).outcome == "allow"


def test_a_schema_problem_goes_back_with_its_place() -> None:
    proposal = Proposal(id="p", action="write", arguments={"text": 5, "extra": 1})
    decision = check(GATE, proposal, TOOLS, LOCAL, Standing(tuple(TOOLS), (), None))
    assert decision.outcome == "deny" and decision.invalid
    assert {reason.split(":")[0] for reason in decision.reasons} == {"text", "extra"}


def test_what_a_person_rejected_is_not_asked_again() -> None:
    rejected = Proposal(id="p", action="write", arguments={"text": "x"}).hash
    assert judged("write", rejected=(rejected,)).outcome == "deny"


def test_an_erroring_rule_denies_instead_of_being_skipped() -> None:
    """Cedar skips a forbid whose evaluation fails (here: an overflow), and would allow."""
    text = """
      @id("a") @says("yes") permit (principal, action, resource) when { context.tier == "irreversible" };
      @id("b") @says("never") forbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };
    """
    assert parse_gate(text, SCHEMA).decide(FACTS).outcome == "deny"


def test_five_proposals_that_came_to_nothing_reach_the_limit() -> None:
    assert limit_reached({"steps": 3, "attempts": MAX_ATTEMPTS - 1}) is None
    assert "5 proposals in a row" in str(limit_reached({"attempts": MAX_ATTEMPTS}))
    assert "120 steps" in str(limit_reached({"steps": 120}))
