"""Who may decide on what: the role of a person, and whether they would decide on their own request. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.people import Approver
from core.vocabulary import Environment
from policy.facts import Approval, ApproverRole, Facts

if TYPE_CHECKING:
    from policy.gate import CedarGate


def waived(environment: Environment, approver: Approver) -> bool:
    """On a newcomer's machine one person is everybody, until people are given roles."""
    return environment == "local" and not approver.roles


def role_of(environment: Environment, approver: Approver) -> ApproverRole:
    """The role that counts. Where roles exist, whoever has none and a name that was only typed in have none."""
    if approver.roles:
        return approver.role if approver.role is not None and approver.verified else "none"
    return "admin" if environment == "local" else "reviewer"


def own(environment: Environment, approver: Approver, requester: str | None) -> bool:
    """Whether they decide on what they asked for, or changed, themselves."""
    return not waived(environment, approver) and approver.by in (requester, approver.editor)


def approval_of(
    environment: Environment, approver: Approver, of: str, requester: str | None
) -> tuple[Approval | None, Approval | None]:
    """(the approval of the hash `of`, whose edit it is). An edit is its author's own request: where that is not waived
    it approves nothing, and another person decides."""
    given = Approval(approver.by, role_of(environment, approver), of, own(environment, approver, requester))
    edited = approver.editor is not None and approver.editor == approver.by
    if edited and not waived(environment, approver):
        return None, given
    return given, given if edited else None


def objections(gate: CedarGate, facts: Facts | None, approval: Approval, *, edit: bool) -> tuple[str, ...]:
    """Why this person cannot approve, or edit, the call with those facts; empty when they can. The same rules decide
    again when it runs. Without facts, as for a question, whoever may review may answer."""
    if approval.role == "none" or approval.role == "viewer":  # noqa: PLR1714 - so that the type checker follows
        return ("whoever decides has to be a reviewer, a publisher or an admin",)
    if facts is None:
        return ()
    if edit:
        decision = gate.decide(replace(facts, actor=approval.by, role=approval.role))
        return decision.reasons if decision.outcome == "deny" else ()
    approved = replace(facts, approved=True, approver_role=approval.role, own_request=approval.own)
    decision = gate.decide(approved)
    return decision.reasons if decision.outcome != "allow" else ()
