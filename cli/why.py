"""show --why: one step on one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cli.console import local, out, print_json, program, safe
from cli.policy import change_for_programs, print_needs
from core.canonical import canonical_json
from core.errors import BadInput
from core.events import ChainedEvent
from core.vocabulary import EventKind
from policy.explain import Explained, explain
from policy.facts import Facts
from policy.gate import CedarGate
from runtime.settings import read_settings
from runtime.states import why as why_at
from runtime.timeline import in_words
from runtime.why import Why
from runtime.wiring import open_application

_SHOWN: Final = 300
"""Characters of an argument."""
_RAN: Final[tuple[EventKind, ...]] = (
    "tool_attempt", "tool_call", "tool_result", "commit", "failure", "postponed", "thread_finished",
)  # fmt: skip


async def why(thread_id: str, step: int, json: bool) -> int:
    async with open_application(read_settings()) as app:
        thread = await app.threads.find(thread_id)
        found = await why_at(app, thread, step)
        check = found.turn.last("policy_check")
        explained = _explained(app.gate, check)
    if json:
        print_json(_for_programs(found, explained))
        return 0
    head = f"{thread['subject']} · thread {thread['id']} · #{found.turn.decision.seq} {found.turn.proposal.action}"
    out().print(safe(head), style="bold")
    _proposal(found)
    _evidence(found)
    _policy(thread["id"], check, explained)
    _score(found.turn.last("escalation"))
    _people(found)
    _ran(found)
    return 0


def _explained(gate: CedarGate, check: ChainedEvent | None) -> Explained | None:
    """None when the rules were not asked, or were asked over facts of another release."""
    facts = check.body.get("facts") if check else None
    try:
        return explain(gate, Facts.from_json(facts)) if facts else None
    except BadInput:
        return None


def _proposal(found: Why) -> None:
    proposal = found.turn.proposal
    call = f"model call {proposal.model_call[:8]}" if proposal.model_call else "without a model: the only step possible"
    _section(f"Proposed, {call}", _arguments(proposal.arguments, found.origins))
    if proposal.report.rationale:
        _line(f"because  {proposal.report.rationale}")
    if proposal.report.confidence is not None:
        _line(f"confidence  {proposal.report.confidence:.2f}")
    for each in proposal.report.unresolved_assumptions:
        _line(f"assumes  {each}")
    if found.turn.edited is not None:
        _section("Made of it by a person", _arguments(found.turn.edited.arguments, {}))


def _evidence(found: Why) -> None:
    listed = [
        f"{'○' if item.get('trust') == 'untrusted' else '●'} {item['label']}  ({item['trust']}, {item['source']})"
        for item in found.evidence
    ]
    _section("Evidence, what comes from outside is marked ○", listed or [found.note or "none"])


def _policy(thread_id: str, check: ChainedEvent | None, explained: Explained | None) -> None:
    if check is None:
        _section("Policy", ["not asked yet"])
        return
    body = check.body
    reasons = [f"{name}: {said}" for name, said in zip(body["rules"], body["reasons"], strict=False)]
    _section(f"Policy: {body['outcome']} (#{check.seq})", reasons or list(body["reasons"]))
    if explained is not None:
        print_needs(explained)
    _line(f"all facts: {program()} policy explain {thread_id} {check.seq}")


def _score(escalation: ChainedEvent | None) -> None:
    if escalation is None:
        _section("Score", ["not scored: it is no decision point"])
        return
    body = escalation.body
    bound = (
        "nothing is certified, so any score asks"
        if body["threshold"] is None
        else f"alone up to {body['threshold']:.2f}"
    )
    learned = (body.get("scoring") or {}).get("weights")
    how = f"mean, weighted {', '.join(f'{share:.2f}' for share in learned)}, of" if learned else "mean of"
    parts = (
        f"{body['total']:.2f} = {how} low confidence {body['low_confidence']:.2f}, novelty {body['novelty']:.2f}, "
        f"history {body['historical_need']:.2f}   ({bound})"
    )
    _section(f"Score: {body['band']}", [parts, *body["reasons"]])


def _people(found: Why) -> None:
    listed = []
    for review in found.turn.reviews:
        if review["answer"] is None:
            listed.append(f"r-{review['number']}: {review['state']}")
            continue
        doubt = "" if review["verified"] else " (name not verified)"
        said = str((review["decision"] or {}).get("message") or "")
        when = local(review["decided_at"], "%Y-%m-%d %H:%M:%S")
        listed.append(
            f"r-{review['number']}: {review['answer']}, by {review['decided_by']}{doubt}, {when}  {said}".rstrip()
        )
    _section("Who decided", listed or ["nobody was asked"])


def _ran(found: Why) -> None:
    listed = ["  ".join((f"#{stored.seq}", *in_words(stored, {}))) for stored in found.turn.of(*_RAN)]
    _section("What ran", listed or ["nothing"])


def _arguments(arguments: Mapping[str, Any], origins: Mapping[str, str]) -> list[str]:
    listed = []
    for name, value in arguments.items():
        text = value if isinstance(value, str) else canonical_json(value)
        short = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        listed.append(f"{name}: {short}" + (f"   (from {origins[name]})" if name in origins else ""))
    return listed


def _section(title: str, lines: Iterable[str]) -> None:
    out().print()
    out().print(safe(title), style="bold")
    for line in lines:
        _line(line)


def _line(text: str) -> None:
    out().print(safe(f"  {text}"))


def _for_programs(found: Why, explained: Explained | None) -> dict[str, Any]:
    turn = found.turn
    return {
        "proposal": turn.proposal.to_json(),
        "edited": turn.edited.to_json() if turn.edited else None,
        "origins": dict(found.origins),
        "evidence": [dict(item) for item in found.evidence],
        "needs": [change_for_programs(each) for each in explained.needs] if explained else [],
        "reviews": [dict(review) for review in turn.reviews],
        "events": [stored._asdict() for stored in turn.events],
    }
