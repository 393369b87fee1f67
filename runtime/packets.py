"""A handoff packet: all that somebody who has never seen a thread needs to act on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, assert_never

from core.errors import BadInput
from core.events import ChainedEvent
from core.lifecycle import ENDED
from core.vocabulary import FailureClass, ReviewKind
from runtime.failures import FailureRecord, failures
from runtime.states import why
from runtime.timeline import in_words
from runtime.wiring import Application
from store.sql import query

_OURS: Final = frozenset({"profile", "serp", "model", "requester", "content_dir", "domain", "tenant"})
"""Parts of a task that say nothing to a reader; tenant and the like stand at the top."""
_CALLS: Final = frozenset({"tool_attempt", "tool_result", "commit"})


@dataclass(frozen=True, slots=True)
class Did:
    """One thing that a tool did, or tried."""

    seq: int
    at: datetime
    what: str
    how: str


@dataclass(frozen=True, slots=True)
class Packet:
    """`waits`: the open review, as it is put to people; `next`: sentences, then commands."""

    thread: Mapping[str, Any]
    title: str
    mandate: str
    owner: str
    task: Mapping[str, Any]
    waits: Mapping[str, Any] | None
    failures: Sequence[FailureRecord]
    step: int | None
    proposed: Mapping[str, Any] | None
    evidence: Sequence[Mapping[str, str]]
    tools: Sequence[Did]
    decisions: Sequence[Did]
    operations: Sequence[Mapping[str, Any]]
    results: Mapping[str, str]
    next: Sequence[str]
    commands: Sequence[str]


async def packet(app: Application, thread: Mapping[str, Any]) -> Packet:
    """From the record alone; nothing is changed."""
    events = await app.threads.timeline(thread["id"])
    reviews = await app.reviews.of_thread(thread["id"])
    waits = next((review for review in reviews if review["state"] == "open"), None)
    failed = await failures(app, thread_id=thread["id"], limit=20)
    step = next((stored.seq for stored in reversed(events) if stored.kind == "decision"), None)
    proposed, evidence = await _last_turn(app, thread, step)
    card = app.domain(thread["domain"]).card
    async with app.pool.connection() as connection:
        operations = await (await connection.execute(query("operation_of_thread"), {"id": thread["id"]})).fetchall()
    return Packet(
        thread=thread,
        title=card.title,
        mandate=card.mandate,
        owner=card.owner,
        task={name: said for name, said in thread["task"].items() if name not in _OURS},
        waits=waits,
        failures=failed,
        step=step,
        proposed=proposed,
        evidence=evidence,
        tools=[_did(stored) for stored in events if stored.kind in _CALLS],
        decisions=[_did(stored) for stored in events if stored.kind == "review_decided"],
        operations=operations,
        results=_results(events),
        next=next_steps(thread, waits, failed[0] if failed else None),
        commands=commands(thread, waits, step),
    )


def next_steps(
    thread: Mapping[str, Any], waits: Mapping[str, Any] | None, failed: FailureRecord | None
) -> tuple[str, ...]:
    """The likely next action, in sentences. Pure."""
    if thread["status"] in ENDED:
        return (f"Nothing: the thread is {thread['status']}.",)
    if waits is not None:
        kind: ReviewKind = waits["kind"]
        return (*_to_answer(kind), *((_to_get_over(failed.failure_class), failed.handoff) if failed else ()))
    if thread["status"] == "failed" and failed is not None:
        return (_to_get_over(failed.failure_class), failed.handoff, "Then resume the thread.")
    if thread["wake_at"] is not None:
        return (f"Nothing: it is tried again by itself at {thread['wake_at']:%Y-%m-%d %H:%M:%S} UTC.",)
    return ("Resume it, or start a worker: nothing is in its way.",)


def commands(thread: Mapping[str, Any], waits: Mapping[str, Any] | None, step: int | None) -> tuple[str, ...]:
    """What can be typed, most useful first. Pure."""
    thread_id = thread["id"]
    look = (f"autonomy show {thread_id}", *((f"autonomy show {thread_id} --why {step}",) if step else ()))
    if thread["status"] in ENDED:
        return look
    if waits is None:
        return (f"autonomy resume {thread_id}", *look, f"autonomy stop {thread_id}")
    number, request = f"r-{waits['number']}", waits["request"]
    if waits["kind"] == "blocker":
        take = (f"autonomy take-over {number}", f"autonomy hand-back {number} --result TEXT|FILE")
        return (*take, f"autonomy decide {number} respond --message abandon", *look)
    if choices := request.get("choices"):
        answers = tuple(f'autonomy decide {number} respond --message "{choice} …"' for choice in choices)
    else:
        allowed = request["review_configs"][0]["allowed_decisions"]
        answers = tuple(f"autonomy decide {number} {answer}" for answer in allowed)
    return (*answers, *look)


def _to_answer(kind: ReviewKind) -> tuple[str, ...]:
    match kind:
        case "action":
            return ("Judge the proposal: approve it, edit it, or reject it with the reason.",)
        case "question":
            return ("Answer the agent's question.",)
        case "conflict":
            return ("Two sources contradict each other: say which of them holds.",)
        case "unknown_effect":
            return ("Look on the far side whether it happened, and say so; nothing is sent meanwhile.",)
        case "blocker":
            return ("Take it over, do what is in the way, and hand it back with the result; or abandon the thread.",)
        case "audit":
            return ("Say whether what was done was right.",)
        case _:
            assert_never(kind)


def _to_get_over(failure_class: FailureClass) -> str:
    match failure_class:
        case "transient" | "busy":
            return "The far side was away or busy: see that it answers again."
        case "tool_refused":
            return "The far side said no; its words are in the failure. Change what is asked, or do it by hand."
        case "tool_drift":
            return (
                "The tool answers otherwise than it declares: compare the kept answer with its schema, and repair one."
            )
        case "invalid_proposal":
            return "The agent does not get a valid proposal together: make the decision by hand, and hand it back."
        case "policy_violation":
            return "A rule forbids it: do it yourself if it is right, or leave it."
        case "missing_evidence":
            return "What the agent needs is not there: supply it, or do without."
        case "ambiguous":
            return "The request can be read in more than one way: say which is meant."
        case "unknown_effect":
            return "Whether a call took effect is not known: look on the far side by the operation's key."
        case "limit_reached":
            return "A limit is used up: hand back to go on with a fresh count, or abandon the thread."
        case "rate_reached":
            return "The agent makes more calls a minute than it may: hand back once it is quieter, or raise the limit."
        case "loop":
            return "The agent repeats itself: give it what it lacks in your message."
        case "model_unavailable":
            return "The model could not be reached: see that its endpoint answers."
        case "model_refused":
            return "The model endpoint refuses us: check key, model and address (autonomy doctor)."
        case "model_answer":
            return "The model's answers cannot be used: give it what it lacks, or choose another model."
        case "lease_lost":
            return "Another runner has the thread: watch it there."
        case "storage":
            return "The database or the disk did not take what had to be stored: make room, then go on."
        case "bug":
            return "Our own code failed: report it with the message; the thread is safe."
        case _:
            assert_never(failure_class)


async def _last_turn(
    app: Application, thread: Mapping[str, Any], step: int | None
) -> tuple[Mapping[str, Any] | None, Sequence[Mapping[str, str]]]:
    if step is None:
        return None, ()
    try:
        found = await why(app, thread, step)
    except BadInput:
        return None, ()  # the text of the proposal is gone; the timeline still names it
    return (found.turn.edited or found.turn.proposal).to_json(), found.evidence


def _did(stored: ChainedEvent) -> Did:
    what, how = in_words(stored, {})
    return Did(stored.seq, stored.at, what, how)


def _results(events: Sequence[ChainedEvent]) -> dict[str, str]:
    """Name -> SHA-256 of what the thread has made so far."""
    made: dict[str, str] = {}
    for stored in events:
        if stored.kind == "tool_result":
            made |= stored.body["results"]
    return made
