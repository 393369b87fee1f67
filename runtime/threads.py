"""Start, advance and decide: the operations both faces stand on. Only `advance` runs the graph (runtime/running.py)."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import psycopg

from core.canonical import sha256, storable_text
from core.diffs import changes
from core.errors import BadInput, LeaseLost, ThreadBusy, ThreadEnded
from core.events import Event
from core.failures import classify
from core.lifecycle import ENDED
from core.operations import Resolution
from core.people import Person
from core.reviews import WireAnswer, answer_of, unreadable
from core.state import Json
from core.tools import ToolSpec
from core.vocabulary import Answer, Reason, ThreadStatus, Verdict
from graph.version import GRAPH_VERSION
from policy.facts import Facts
from policy.people import hindrance
from runtime.edits import edited_arguments
from runtime.intake import NewThread
from runtime.resolutions import resolution
from runtime.rewriting import Rewritten, rewritten
from runtime.wiring import Application
from store.outcomes import Word
from store.reviews import VERDICTS, Decision
from store.roles import RoleStore
from store.scorings import ScoringStore
from store.threads import Lease

if TYPE_CHECKING:
    from langgraph.runtime import RunControl

    from runtime.running import Observer

__all__ = ["Person", "advance", "decide", "start", "stop", "undo"]

UNDO_SECONDS: Final = 10.0
"""How long an approval of what cannot be undone can be taken back."""
_ID_BYTES: Final = 5
_LOOK_SECONDS: Final = 0.5
"""Between two looks at a lease that somebody else holds."""


async def start(app: Application, new: NewThread, *, reserved: bool = False) -> str:
    """Store a queued thread and its first event; returns its id. A `reserved` one the caller runs himself."""
    choice = await app.choice(new.task["model"])
    bases = app.behaviour_versions(new.domain, choice)
    versions = await ScoringStore(app.pool).in_use(new.tenant, app.settings.environment, bases)
    row = {
        "tenant": new.tenant,
        "domain": new.domain,
        "subject": new.subject,
        "environment": app.settings.environment,
        "task": dict(new.task),
        "requester": new.requester,
        "model": choice.label,
        "graph_version": GRAPH_VERSION,
        "release": app.release(bases),
        "behaviour_versions": versions,
    }
    said = {"domain": new.domain, "task": sha256(dict(new.task)), "release": row["release"], "behaviour": versions}
    while True:
        thread_id = secrets.token_hex(_ID_BYTES)
        started = Event("thread_started", new.requester, said)
        if await app.threads.create({**row, "id": thread_id}, started, reserved=reserved):
            return thread_id


async def advance(
    app: Application,
    thread_id: str,
    observe: Observer | None = None,
    control: RunControl | None = None,
    *,
    by_worker: bool = False,
) -> Json:
    """Run a thread to its next interrupt or its end, as its only runner. Returns the thread's row.

    `control` may ask it to stop before its next step; the thread is then queued again. A worker does not wait for the
    lease of a runner that has died, nor takes up what is scheduled for later.

    Raises ThreadBusy, ThreadEnded, BadInput for a thread that cannot go on, and whatever stopped the run.
    """
    thread = await app.threads.get(thread_id)
    _refuse_unrunnable(thread)
    if thread["status"] == "taken_over":
        return thread
    if thread["status"] == "waiting" and not await _answered(app, thread["id"]):
        return thread
    await app.ready(thread["model"])  # before the lease: a thread that cannot be run is left as it is
    from langgraph.runtime import RunControl  # only now: LangGraph takes most of a second to import

    lease = await _take_lease(app, thread, by_worker)
    try:
        await _run_under(app, thread, lease, observe, control or RunControl())
    except BaseException as error:
        await _abandon(app, lease, error)
        raise
    return await app.threads.get(thread["id"])


async def stop(app: Application, thread_id: str, person: Person, reason: str = "") -> ThreadStatus:
    """End a thread for good: at once, or, when it is being run, before its next step. Its status after the request.

    Open reviews are withdrawn, and decisions that no run has taken up. Raises NotFound, or ThreadEnded.
    """
    thread = await app.threads.get(thread_id)
    if thread["status"] in ENDED:
        raise ThreadEnded(f"Thread {thread['id']} is {thread['status']}; there is nothing to stop.")
    return await app.threads.request_stop(thread["id"], person.name, storable_text(reason.strip()))


async def decide(
    app: Application,
    number: int,
    wire: WireAnswer,
    person: Person,
    *,
    arguments: Mapping[str, Any] | None = None,
    texts: Mapping[str, str] | None = None,
    message: str = "",
    reserved: bool = False,
    undoable: bool = False,
    verdict: Verdict | None = None,
    reason: Reason | None = None,
) -> str:
    """Take a person's decision on a review, once; returns the thread's id. Nothing runs here: a worker runs the
    thread on, unless it is `reserved`, and the caller does. With `undoable`, what cannot be undone once it runs is
    released UNDO_SECONDS later, and `undo` takes it back until then.

    An edit takes `arguments`, of which those left out stay as proposed, and `texts`: an argument that names a stored
    text -> the text in its place.

    `verdict` is on the proposal as the agent made it, given before any edit, with a `reason` if it was not right.
    Without one, approve is right, reject is wrong, and edit is unclear, which counts as not right.

    Raises NotFound, AlreadyDecided, StaleDecision, or BadInput for an answer this review does not take.
    """
    review = await app.reviews.get(number)
    if strange := unreadable(review["request"]):
        raise BadInput(f"Review r-{number} cannot be decided by this release: {strange}.")
    await _refuse_who_may_not(app, review, person, wire)
    choice, message = _choice(review["request"], message) if wire == "respond" else (None, message)
    answer = answer_of(review["kind"], wire, choice)
    allowed = review["request"]["review_configs"][0]["allowed_decisions"]
    if wire not in allowed:
        raise BadInput(
            f"Review r-{number} takes {', '.join(allowed)}, not {wire}: its score is above what can be approved."
        )
    word = _word(answer, verdict, reason, message)
    payload: Json = {"type": wire, "by": person.name, "message": message, "choice": choice, "from": person.origin}
    if verdict is not None:
        payload |= {"verdict": verdict, "reason": reason}
    decided_hash = review["action_hash"] if answer == "approve" else None
    diff = None
    if wire == "edit":
        final, told = await _edited_arguments(app, review, person, arguments, texts or {})
        action = review["request"]["action_requests"][0]["name"]
        payload |= {"edited_action": {"name": action, "args": final}, "proposal_id": secrets.token_hex(16)}
        decided_hash = sha256({"action": action, "arguments": final})
        diff = changes({**review["request"]["action_requests"][0]["args"], **told.before}, {**final, **told.after})
    elif arguments is not None or texts:
        raise BadInput("--args goes with edit.")
    changed = answer in ("edit", "reject")
    operation = await _resolution(app, review, answer, person, message)
    decision = Decision(
        answer, person.name, person.verified, payload, decided_hash, changed, operation, word=word, diff=diff,
        origin=person.origin,
    )  # fmt: skip
    seconds = UNDO_SECONDS if undoable and await _irreversible(app, review, answer, payload) else None
    await app.reviews.decide(review, decision, reserved=reserved, undo_seconds=seconds)
    return str(review["thread_id"])


async def undo(app: Application, number: int, person: Person) -> None:
    """Take back one's own decision before it takes effect. Raises NotFound, or StaleDecision when it is too late."""
    await app.reviews.undo(await app.reviews.get(number), person.name)


async def _irreversible(app: Application, review: Json, answer: Answer, payload: Json) -> bool:
    """Whether what may run because of this answer cannot be undone once it has run."""
    if answer not in ("approve", "edit"):
        return False
    action = payload.get("edited_action") or review["request"]["action_requests"][0]
    thread = await app.threads.get(review["thread_id"])
    spec = app.domain(thread["domain"]).tools.get(action["name"])
    return spec is None or spec.tier_of(action["args"]) == "irreversible"


def _word(answer: Answer, verdict: Verdict | None, reason: Reason | None, message: str) -> Word | None:
    """Raises BadInput for a verdict on anything but a proposed action."""
    if answer not in VERDICTS:
        if verdict or reason:
            raise BadInput("A verdict goes with approve, edit or reject: it is on the action that was proposed.")
        return None
    said = verdict or VERDICTS[answer]
    if reason and said == "right":
        raise BadInput("A proposal that was right has no reason against it; leave --reason out.")
    return Word(said, reason, message)


async def _run_under(
    app: Application, thread: Json, lease: Lease, observe: Observer | None, control: RunControl
) -> None:
    """Run until the lease is given back. Raises LeaseLost."""
    from runtime.running import run

    with _held(app, lease, control):
        while (now := await app.threads.proceed(lease, draining=control.drain_requested)) is not None:
            await run(app, thread, now, observe, control)
            # Not released: a decision or a stop came meanwhile, and this runner takes it up.
            if not control.drain_requested and await app.threads.release(now):
                return


@contextmanager
def _held(app: Application, lease: Lease, control: RunControl) -> Iterator[None]:
    """While entered, the lease is renewed, a stop drains the run, and the loss of the lease cancels it."""
    task = asyncio.current_task()
    lost: list[asyncio.Task[Any]] = []

    def cancel() -> None:
        if task is not None:
            lost.append(task)
            task.cancel()

    with app.keeper.hold(lease, on_lost=cancel, on_stop=lambda: control.request_drain("stop")):
        try:
            yield
        except BaseException as error:
            # Whatever it was, it came of the loss; somebody else's cancellation still counts.
            if lost and lost[0].uncancel() == 0:
                raise LeaseLost(lease.thread_id) from error
            raise


async def _abandon(app: Application, lease: Lease, error: BaseException) -> None:
    bug = isinstance(error, Exception) and classify(error) == "bug" and not isinstance(error, psycopg.OperationalError)
    body = {"class": "bug", "error": type(error).__name__, "message": storable_text(str(error)[:2000]), "fatal": True}
    with suppress(psycopg.OperationalError):  # then the lease runs out by itself
        await app.threads.abandon(lease, Event("failure", "runtime", body) if bug else None)


def _refuse_unrunnable(thread: Mapping[str, Any]) -> None:
    if thread["status"] in ENDED:
        raise ThreadEnded(
            f"Thread {thread['id']} is {thread['status']}; nothing is left to do. See: autonomy show {thread['id']}"
        )
    if thread["graph_version"] > GRAPH_VERSION:
        raise BadInput(
            f"Thread {thread['id']} was started by a later release (graph {thread['graph_version']}, "
            f"this one has {GRAPH_VERSION}). Resume it with that release."
        )


async def _answered(app: Application, thread_id: str) -> bool:
    return any(review["state"] == "decided" for review in await app.reviews.waiting(thread_id))


async def _take_lease(app: Application, thread: Mapping[str, Any], by_worker: bool) -> Lease:
    """The lease. A command waits for that of a runner that died to run out; a worker comes back later instead."""
    owner = f"{'worker ' if by_worker else ''}{socket.gethostname()}:{os.getpid()}"
    if (lease := await app.threads.take_lease(thread, owner, due=by_worker)) is not None:
        return lease
    if not by_worker:
        await _dead_runners_lease(app, thread["id"])
        fresh = await app.threads.get(thread["id"])
        _refuse_unrunnable(fresh)
        if (lease := await app.threads.take_lease(fresh, owner)) is not None:
            return lease
    holder = await app.threads.holder(thread["id"])
    raise ThreadBusy(
        f"Thread {thread['id']} is being run by {holder.owner or 'another command'}. "
        f"Watch it with: autonomy show {thread['id']}"
    )


async def _dead_runners_lease(app: Application, thread_id: str) -> None:
    """Wait until the lease has run out, or turns out to be renewed."""
    left = (await app.threads.holder(thread_id)).seconds_left
    while left > 0:
        await asyncio.sleep(min(left, _LOOK_SECONDS) + 0.05)
        now = (await app.threads.holder(thread_id)).seconds_left
        if now >= left:
            return
        left = now


async def _refuse_who_may_not(app: Application, review: Mapping[str, Any], person: Person, wire: WireAnswer) -> None:
    """No one decides on their own request, and roles bound who approves what; by the rules that decide when it runs."""
    environment = review["environment"]
    approver = await RoleStore(app.pool).of(person, review["tenant"], review["thread_id"], review["action_hash"])
    recorded = None
    if review["kind"] == "action" and wire in ("approve", "edit"):
        recorded = await app.reviews.judged(review["thread_id"], review["action_hash"])
    facts = None if recorded is None else Facts.from_json(recorded)
    of = review["action_hash"]
    if why := hindrance(lambda: app.gate, approver, environment, review["requester"], of, facts, wire):
        raise BadInput(f"{why} Leave out --as." if approver.roles and not person.verified else why)


def _choice(request: Mapping[str, Any], message: str) -> tuple[str | None, str]:
    """For reviews that take one of a few words: the word a message starts with, and the rest."""
    choices = request.get("choices")
    if not choices:
        if not message.strip():
            raise BadInput("An answer needs words: --message TEXT")
        return None, message
    word, _, rest = message.strip().partition(" ")
    if (choice := word.rstrip(":,").lower()) not in choices:
        raise BadInput(f"Start the message with one of: {', '.join(choices)}. For example: --message {choices[0]}")
    return choice, rest.strip()


async def _resolution(
    app: Application, review: Mapping[str, Any], answer: Answer, person: Person, message: str
) -> Resolution | None:
    """What the decision says about an operation whose effect is unknown; None when it is about something else."""
    if review["kind"] != "unknown_effect":
        return None
    thread = await app.threads.get(review["thread_id"])
    spec = _spec(app, thread, review["task_type"])
    return resolution(spec, review["request"], answer, person.name, message)


def _spec(app: Application, thread: Mapping[str, Any], tool: str) -> ToolSpec:
    """Raises BadInput for a tool that was taken away while the review waited."""
    if (spec := app.domain(thread["domain"]).tools.get(tool)) is None:
        raise BadInput(f"There is no tool {tool} any more, so this cannot be decided; reject it or stop the thread.")
    return spec


async def _edited_arguments(
    app: Application, review: Json, person: Person, given: Mapping[str, Any] | None, texts: Mapping[str, str]
) -> tuple[Json, Rewritten]:
    """The proposal's arguments with the person's over them, checked now, and the texts among them. Raises BadInput."""
    if given is None and not texts:
        raise BadInput("An edit needs its arguments: --args FILE (JSON or YAML; only what you change)")
    asked = review["request"]["action_requests"][0]
    thread = await app.threads.find(review["thread_id"])
    spec = _spec(app, thread, asked["name"])
    told = await rewritten(app, review["tenant"], spec, asked["args"], texts, person.name) if texts else Rewritten()
    return edited_arguments(spec, asked["args"], given or {}, told.hashes), told
