"""What a person is asked, in the shape the ecosystem's consoles read, and what their answer does to the state. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args

from core.actions import PolicyDecision, Proposal, Score
from core.canonical import storable
from core.domain import Explanation
from core.errors import BadInput
from core.memory import Conflict
from core.tools import ToolSpec
from core.vocabulary import ANSWERS, Answer, ReviewKind

WireAnswer = Literal["approve", "edit", "reject", "respond"]
_TEXT_LIMIT: Final = 400
_EVIDENCE_LIMIT: Final = 12
_CLAIMS_LIMIT: Final = 20


def action_request(
    proposal: Proposal, policy: PolicyDecision, score: Score | None, explanation: Explanation
) -> dict[str, Any]:
    """The review of a proposed action. A blocked one cannot be approved as it stands."""
    blocked = score is not None and score.band == "block"
    allowed = [answer for answer in ANSWERS["action"] if not (blocked and answer == "approve")]
    why = [*(score.reasons if score else ()), *(policy.reasons if policy.outcome == "review" else ())]
    return _request("action", proposal, allowed, why, explanation) | {
        "score": score.to_json() if score else None,
        "rules": list(policy.rules),
        "reason": _reason(policy, blocked=blocked),
        "confidence": proposal.report.confidence,
        "rationale": _short(proposal.report.rationale),
    }


def _reason(policy: PolicyDecision, *, blocked: bool) -> str:
    """Why a person is asked, in one word: the rule that demands it, or the score."""
    if blocked:
        return "blocked"
    return policy.rules[0] if policy.outcome == "review" and policy.rules else "score"


def question_request(proposal: Proposal) -> dict[str, Any]:
    """The agent's own question."""
    asked = str(proposal.arguments.get("question", ""))
    explanation = Explanation(
        proposed=asked, approving_will="Your answer is given to the agent, which goes on from it."
    )
    why = [
        str(proposal.arguments.get("why", "")),
        *[f"Option: {option}" for option in proposal.arguments.get("options", [])],
    ]
    return _request("question", proposal, ["respond"], [line for line in why if line], explanation)


def conflict_request(conflict: Conflict) -> dict[str, Any]:
    """Facts that contradict each other, none of which is both newer and at least as trusted."""
    evidence = tuple(
        {"label": f"{fact.value} ({fact.at:%Y-%m-%d})", "source": fact.source, "trust": fact.trust}
        for fact in conflict.facts
    )
    explanation = Explanation(
        proposed=f"Which is true of {conflict.subject}?",
        approving_will="Your answer is stored as a fact, with your name, and holds from now on.",
        evidence=evidence,
    )
    asked = Proposal(id="", action="planner", arguments={"subject": conflict.subject})
    return _request("conflict", asked, ["respond"], [conflict.log], explanation) | {"subject": conflict.subject}


def blocker_request(task_type: str, failure_class: str, message: str, proposal: Proposal | None) -> dict[str, Any]:
    """Something only a person can get out of the way."""
    explanation = Explanation(
        proposed=message,
        approving_will="Take it over, do what is in the way, and hand it back with the result: the agent goes on from "
        "there. Abandon stops the thread.",
    )
    asked = proposal or Proposal(id="", action=task_type, arguments={})
    return _request("blocker", asked, ["respond"], [message], explanation) | {
        "failure_class": failure_class,
        "choices": ["hand_back", "abandon"],
    }


def lockdown_request(why: str, proposal: Proposal | None) -> dict[str, Any]:
    """What waits for a lockdown to be lifted, which answers for people: a `proposal` as it is, or the next one."""
    what = f"{proposal.action} waits as it is" if proposal else "Nothing is left that only reads"
    message = f"Lockdown is on {why}. {what}. It goes on by itself when lockdown is lifted."
    asked = blocker_request("planner", "policy_violation", message, proposal) | {"lockdown": True}
    if proposal is not None:
        asked["approving_will"] = (
            "hand_back without a word has this very call judged again; with words, or a result, the agent proposes "
            "anew and is told of it; abandon stops the thread."
        )
    return asked


def unknown_effect_request(proposal: Proposal, operation: Mapping[str, Any], message: str) -> dict[str, Any]:
    """A call that may or may not have taken effect, and that nobody but a person can find out about.

    `operation`: core.operations.in_question, which the answer is bound to.
    """
    explanation = Explanation(
        proposed=f"{proposal.action} was sent, and what became of it is not known.",
        approving_will="happened records it as done; did_not_happen sends it once more; abandon gives it up, and the "
        "agent goes on without it.",
    )
    why = [message, f"Attempt {operation['attempt']}, first sent {operation['sent_at'][:19].replace('T', ' ')} UTC."]
    return _request("unknown_effect", proposal, ["respond"], why, explanation) | {
        "failure_class": "unknown_effect",
        "choices": list(ANSWERS["unknown_effect"]),
        "unknown_effect": dict(operation) | {"arguments": storable(proposal.arguments)},
    }


def answer_of(kind: ReviewKind, wire: WireAnswer, choice: str | None) -> Answer:
    """Our word for an answer that came over the wire. Raises BadInput for one this kind of review does not take."""
    word = wire if wire != "respond" else ("answer" if kind in ("question", "conflict") else choice)
    for answer in ANSWERS[kind]:
        if answer == word:
            return answer
    options = ", ".join(ANSWERS[kind])
    raise BadInput(
        f"This review is a {kind}; it takes {options}{' (respond --message …)' if kind != 'action' else ''}."
    )


REQUEST_VERSION: Final = 1
_PARTS: Final[Mapping[str, type]] = {
    "action_requests": list, "review_configs": list, "kind": str, "why": list, "approving_will": str, "evidence": list,
}  # fmt: skip


def unreadable(request: Any) -> str:
    """Why this release cannot present a request, and so takes no decision on it; empty when it can."""
    if not isinstance(request, Mapping):
        return "the request is no object"
    if request.get("version", REQUEST_VERSION) != REQUEST_VERSION:
        return f"the request is of version {str(request['version'])[:20]}, this release knows {REQUEST_VERSION}"
    if wrong := [name for name, kind in _PARTS.items() if not isinstance(request.get(name), kind)]:
        return f"the request has no {', no '.join(wrong)} that it could read"
    if strange := _strange_parts(request):
        return f"the parts of its {strange} are none that it could read"
    if request["kind"] not in ANSWERS:
        return f"there is no review of kind {request['kind'][:20]}"
    if len(request["action_requests"]) != 1 or len(request["review_configs"]) != 1:
        return "the request is not about exactly one action"
    asked, taken = request["action_requests"][0], request["review_configs"][0]
    if not (isinstance(asked.get("args"), Mapping) and asked.get("name") and isinstance(asked.get("description"), str)):
        return "the action has no name, no arguments or no description"
    if not set(taken.get("allowed_decisions") or ["?"]) <= set(get_args(WireAnswer)):
        return "it takes answers that this release does not have"
    return ""


def _strange_parts(request: Mapping[str, Any]) -> str:
    """Which part that people are shown is made of something else than it was in any release; empty when none is."""
    lists = {"why": (str,), "rules": (str,), "choices": (str,), "evidence": (Mapping,), "claims": (Mapping,)}
    for name, kinds in lists.items():
        if not all(isinstance(each, kinds) for each in request.get(name) or ()):
            return name
    score = request.get("score")
    if score is not None and not (isinstance(score, Mapping) and isinstance(score.get("total"), int | float)):
        return "score"
    return ""


def at_stake(spec: ToolSpec, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a request that says how much depends on it."""
    return {"tier": spec.tier_of(arguments), "risk": spec.risk}


def edited(proposal: Proposal, arguments: Mapping[str, Any], new_id: str) -> Proposal:
    """A person's version of a proposal: a new one, with the agent's as its parent and no self-report."""
    return Proposal(id=new_id, action=proposal.action, arguments=dict(arguments), parent_id=proposal.id)


def _request(
    kind: ReviewKind, proposal: Proposal, allowed: Sequence[str], why: Sequence[str], explanation: Explanation
) -> dict[str, Any]:
    evidence = [{key: _short(value) for key, value in item.items()} for item in explanation.evidence[:_EVIDENCE_LIMIT]]
    request: dict[str, Any] = {
        "action_requests": [
            {"name": proposal.action, "args": proposal.arguments, "description": _short(explanation.proposed)}
        ],
        "review_configs": [{"action_name": proposal.action, "allowed_decisions": list(allowed)}],
        "kind": kind,
        "task_type": proposal.action,
        "proposal_id": proposal.id,
        "action_hash": proposal.hash,
        "why": [_short(line) for line in why],
        "approving_will": _short(explanation.approving_will),
        "evidence": evidence,
    }
    if explanation.claims:
        request["claims"] = [dict(each) for each in explanation.claims[:_CLAIMS_LIMIT]]
        request["claims_counted"] = Counter(each["standing"] for each in explanation.claims)
    plain: dict[str, Any] = storable(request)
    return plain


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"
