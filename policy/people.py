"""Who may decide on what: the role of a person, and whether they would decide on their own request. Pure."""

from __future__ import annotations

from collections.abc import Callable
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


def hindrance(
    gate: Callable[[], CedarGate],
    approver: Approver,
    environment: Environment,
    requester: str | None,
    of: str,
    facts: Facts | None,
    wire: str,
) -> str:
    """Why this person cannot give that answer on the hash `of`, in a sentence; empty when they can. `facts`: those of
    an action's policy check, None for what is no action. The gate is asked for only where rules have a say."""
    if approver.roles and not approver.verified:
        return f"People have roles here, and {approver.by} is a name that was only typed in."
    if own(environment, approver, requester):
        what = "started this thread" if approver.by == requester else "edited this action"
        return f"{approver.by} {what} and cannot decide on it; someone else has to."
    approval = Approval(approver.by, role_of(environment, approver), of, own=False)
    asked = facts if wire in ("approve", "edit") else None
    if why := objections(gate, asked, approval, edit=wire == "edit"):
        return f"{approver.by} ({approval.role}) cannot {wire} this: {'; '.join(why)}."
    return ""


def objections(
    gate: Callable[[], CedarGate], facts: Facts | None, approval: Approval, *, edit: bool
) -> tuple[str, ...]:
    """Why this person cannot approve, or edit, the call with those facts; empty when they can. The same rules decide
    again when it runs. Without facts, as for a question, whoever may review may answer."""
    if approval.role == "none" or approval.role == "viewer":  # noqa: PLR1714 - so that the type checker follows
        return ("whoever decides has to be a reviewer, a publisher or an admin",)
    if facts is None:
        return ()
    if edit:
        decision = gate().decide(replace(facts, actor=approval.by, role=approval.role))
        return decision.reasons if decision.outcome == "deny" else ()
    approved = replace(facts, approved=True, approver_role=approval.role, own_request=approval.own)
    decision = gate().decide(approved)
    return decision.reasons if decision.outcome != "allow" else ()
