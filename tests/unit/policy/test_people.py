from __future__ import annotations

from dataclasses import replace

import pytest

from core.people import Approver
from core.vocabulary import Environment
from policy.cases import ORDINARY
from policy.facts import Approval
from policy.gate import CedarGate, load_gate
from policy.people import approval_of, hindrance, objections, own, role_of

GATE = load_gate()


@pytest.mark.parametrize(
    ("environment", "approver", "role"),
    [
        ("local", Approver("dana"), "admin"),
        ("staging", Approver("dana"), "reviewer"),
        ("production", Approver("dana"), "reviewer"),
        ("local", Approver("dana", roles=True, verified=True), "none"),
        ("local", Approver("dana", roles=True, role="admin"), "none"),
        ("production", Approver("dana", roles=True, role="publisher", verified=True), "publisher"),
    ],
)
def test_the_role_that_counts(environment: Environment, approver: Approver, role: str) -> None:
    assert role_of(environment, approver) == role


def test_ones_own_request_is_waived_on_a_newcomers_machine_alone() -> None:
    assert not own("local", Approver("sam"), "sam")
    assert own("local", Approver("sam", roles=True), "sam")
    assert own("staging", Approver("sam"), "sam")
    assert own("staging", Approver("dana", editor="dana"), "sam")
    assert not own("staging", Approver("dana", editor="kim"), "sam")


def test_an_edit_approves_itself_only_where_one_person_is_everybody() -> None:
    edited = Approver("dana", editor="dana")
    approval, editor = approval_of("local", edited, "h", "dana")
    assert approval is not None and approval == editor and not approval.own
    approval, editor = approval_of("production", edited, "h", "sam")
    assert approval is None and editor == Approval("dana", "reviewer", "h", own=True)


@pytest.mark.parametrize(
    ("role", "tier", "edit", "refused"),
    [
        ("viewer", "reversible", False, True),
        ("none", "read-only", False, True),
        ("reviewer", "reversible", False, False),
        ("reviewer", "irreversible", False, True),
        ("reviewer", "irreversible", True, False),
        ("publisher", "irreversible", False, False),
        ("admin", "irreversible", False, False),
    ],
)
def test_who_may_approve_which_tier(role: str, tier: str, edit: bool, refused: bool) -> None:
    facts = replace(ORDINARY, tier=tier)  # type: ignore[arg-type]
    approval = Approval("dana", role, "h", own=False)  # type: ignore[arg-type]
    assert bool(objections(lambda: GATE, facts, approval, edit=edit)) == refused


def no_gate() -> CedarGate:
    raise AssertionError("no rule has a say in this")


@pytest.mark.parametrize(
    ("approver", "wire", "said"),
    [
        (Approver("dana"), "approve", "People have roles here, and dana is a name that was only typed in."),
        (Approver("sam", True, "admin"), "reject", "sam started this thread and cannot decide on it; someone else"),
        (Approver("lee", True, "admin", editor="lee"), "approve", "lee edited this action and cannot decide on it"),
        (Approver("lee", True, "viewer"), "reject", "lee (viewer) cannot reject this: whoever decides has to be a rev"),
        (Approver("lee", True, "reviewer"), "approve", "lee (reviewer) cannot approve this: "),
        (Approver("lee", True, "reviewer"), "edit", ""),
        (Approver("lee", True, "publisher"), "approve", ""),
    ],
)
def test_what_is_in_somebodys_way_is_said_in_a_sentence(approver: Approver, wire: str, said: str) -> None:
    facts = replace(ORDINARY, tier="irreversible")
    approver = replace(approver, roles=True)
    why = hindrance(lambda: GATE, approver, "production", "sam", "h", facts, wire)
    assert why.startswith(said) and bool(why) == bool(said)


def test_a_question_is_answered_by_whoever_may_review() -> None:
    assert objections(no_gate, None, Approval("dana", "reviewer", "h", own=False), edit=False) == ()
    assert objections(no_gate, None, Approval("vic", "viewer", "h", own=False), edit=False)
