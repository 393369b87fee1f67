"""Start, advance and decide: the operations both faces stand on. Only `advance` runs the graph."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl
from langgraph.types import Command, StateSnapshot

from core.canonical import sha256, storable_text
from core.errors import BadInput, LeaseLost, ThreadBusy, ThreadEnded
from core.events import Event
from core.failures import classify
from core.lifecycle import ENDED
from core.operations import Resolution
from core.reviews import WireAnswer, answer_of, unreadable
from core.state import Json, ThreadState
from core.vocabulary import Answer, Reason, ThreadStatus, Verdict
from graph.build import GRAPH_VERSION, GraphState, build
from nodes.bindings import Bindings
from nodes.views import view_of
from policy.check import schema_problems
from runtime.intake import NewThread
from runtime.resolutions import resolution
from runtime.wiring import Application, write_export
from store.reviews import Decision
from store.threads import Lease

RECURSION_LIMIT: Final = 1_000
"""Supersteps of one advance; the step limit of policy/limits.py ends a thread long before."""
UNDO_SECONDS: Final = 10.0
"""How long an approval of what cannot be undone can be taken back."""
_ID_BYTES: Final = 5
_LOOK_SECONDS: Final = 0.5
"""Between two looks at a lease that somebody else holds."""

Graph = CompiledStateGraph[GraphState, None, GraphState, GraphState]
Observer = Callable[[str, Json], None]
"""Called with a node's name and its update, as soon as the step is stored."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides. `verified` is False for a name that was only typed in."""

    name: str
    verified: bool = False
    origin: str = ""
    """From where, in words: "console at 10.0.0.7"."""


async def start(app: Application, new: NewThread, *, reserved: bool = False) -> str:
    """Store a queued thread and its first event; returns its id. A `reserved` one the caller runs himself."""
    choice = await app.choice(new.task["model"])
    versions = app.behaviour_versions(new.domain, choice)
    row = {
        "tenant": new.tenant,
        "domain": new.domain,
        "subject": new.subject,
        "environment": app.settings.environment,
        "task": dict(new.task),
        "requester": new.requester,
        "model": choice.label,
        "graph_version": GRAPH_VERSION,
        "release": app.release(versions),
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
    if thread["status"] == "waiting" and not await _answered(app, thread["id"]):
        return thread
    await app.choice(thread["model"])  # before the lease: a thread whose model is not to be had is left as it is
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
    message: str = "",
    reserved: bool = False,
    undoable: bool = False,
    verdict: Verdict | None = None,
    reason: Reason | None = None,
) -> str:
    """Take a person's decision on a review, once; returns the thread's id. Nothing runs here: a worker runs the
    thread on, unless it is `reserved`, and the caller does. With `undoable`, what cannot be undone once it runs is
    released UNDO_SECONDS later, and `undo` takes it back until then.

    `verdict` is on the proposal as the agent made it, given before any edit, with a `reason` if it was not right.

    Raises NotFound, AlreadyDecided, StaleDecision, or BadInput for an answer this review does not take.
    """
    review = await app.reviews.get(number)
    if strange := unreadable(review["request"]):
        raise BadInput(f"Review r-{number} cannot be decided by this release: {strange}.")
    _refuse_own(review, person)
    choice, message = _choice(review["request"], message) if wire == "respond" else (None, message)
    answer = answer_of(review["kind"], wire, choice)
    allowed = review["request"]["review_configs"][0]["allowed_decisions"]
    if wire not in allowed:
        raise BadInput(
            f"Review r-{number} takes {', '.join(allowed)}, not {wire}: its score is above what can be approved."
        )
    payload: Json = {"type": wire, "by": person.name, "message": message, "choice": choice, "from": person.origin}
    payload |= {"verdict": verdict, "reason": reason} if verdict else {}
    decided_hash = review["action_hash"] if answer == "approve" else None
    if wire == "edit":
        final = await _edited_arguments(app, review, arguments)
        action = review["request"]["action_requests"][0]["name"]
        payload |= {"edited_action": {"name": action, "args": final}, "proposal_id": secrets.token_hex(16)}
        decided_hash = sha256({"action": action, "arguments": final})
    elif arguments is not None:
        raise BadInput("--args goes with edit.")
    changed = answer in ("edit", "reject")
    operation = await _resolution(app, review, answer, person, message)
    decision = Decision(
        answer, person.name, person.verified, payload, decided_hash, changed, operation, origin=person.origin
    )
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


async def _run_under(
    app: Application, thread: Json, lease: Lease, observe: Observer | None, control: RunControl
) -> None:
    """Run until the lease is given back. Raises LeaseLost."""
    with _held(app, lease, control):
        while (now := await app.threads.proceed(lease, draining=control.drain_requested)) is not None:
            await _run(app, thread, now, observe, control)
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


async def _run(app: Application, thread: Json, lease: Lease, observe: Observer | None, control: RunControl) -> None:
    saver = app.parts.saver(app.pool, lease.thread_id, lease.epoch)
    bound = await app.bind(thread, lease.epoch)
    graph: Graph = build(bound).compile(checkpointer=saver)
    config = run_config(lease.thread_id)
    snapshot = await graph.aget_state(config)
    given = next_input(thread["task"], snapshot, await app.reviews.waiting(lease.thread_id))
    if given == "wait":
        await app.threads.set_status(lease.thread_id, "waiting")
        return
    first = None if given == "continue" else given
    try:
        async for update in graph.astream(first, config, stream_mode="updates", durability="sync", control=control):
            for node, changes in update.items():
                if observe is not None and isinstance(changes, dict):
                    observe(node, changes)
    except GraphDrained:
        return  # in the middle, where there may be nothing to show yet
    finally:
        await saver.flush()
    files = await _export(app, bound, graph, config)
    if observe is not None:
        observe("export", {"files": files})


def next_input(
    task: Json, snapshot: StateSnapshot, reviews: Any
) -> GraphState | Command[Any] | Literal["continue", "wait"]:
    """What to feed the graph: the task at the start, a decision that fits a pending interrupt, or nothing new. Pure."""
    if not snapshot.config["configurable"].get("checkpoint_id"):
        return GraphState(task=task, results={}, counters={})
    pending = {interrupt.id for interrupt in snapshot.interrupts}
    for review in reviews:
        if review["state"] == "decided" and review["interrupt_id"] in pending:
            answer = {"decisions": [review["decision"]], "review": review["number"]}
            return Command(resume={review["interrupt_id"]: answer})
    return "wait" if pending else "continue"


def run_config(thread_id: str) -> RunnableConfig:
    """How a thread is run."""
    # Strict resume: an answer to an interrupt that is not pending is an error, not a no-op. A private key; tested.
    return {
        "configurable": {"thread_id": thread_id, "__pregel_strict_resume": True},
        "recursion_limit": RECURSION_LIMIT,
    }


async def _export(app: Application, bound: Bindings, graph: Graph, config: RunnableConfig) -> list[Path]:
    """Write the domain's files that show the work so far."""
    snapshot = await graph.aget_state(config)
    view = await view_of(app.artifacts, bound.domain.reads, cast("ThreadState", snapshot.values))
    exports = await asyncio.to_thread(bound.domain.exports, view)  # up to a second of computing
    return [
        await asyncio.to_thread(write_export, view.task["content_dir"], path, text) for path, text in exports.items()
    ]


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


def _refuse_own(review: Mapping[str, Any], person: Person) -> None:
    """No one approves their own request; waived in `local`, where one person is everybody."""
    if review["environment"] != "local" and review["requester"] == person.name:
        raise BadInput(f"{person.name} started this thread and cannot decide on it; someone else has to.")


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
    spec = app.domain(thread["domain"]).tools[review["task_type"]]
    return resolution(spec, review["request"], answer, person.name, message)


async def _edited_arguments(app: Application, review: Json, given: Mapping[str, Any] | None) -> Json:
    """The proposal's arguments with the person's over them, checked now. Raises BadInput."""
    if given is None:
        raise BadInput("An edit needs its arguments: --args FILE (JSON or YAML; only what you change)")
    asked = review["request"]["action_requests"][0]
    thread = await app.threads.find(review["thread_id"])
    spec = app.domain(thread["domain"]).tools[asked["name"]]
    for name in spec.bindings:
        if name in given and given[name] != asked["args"].get(name):
            raise BadInput(f"{name} is set by the system and cannot be edited.")
    final = {**asked["args"], **given}
    if final == asked["args"]:
        raise BadInput("The edit changes nothing.")
    if problems := schema_problems(spec, final):
        raise BadInput(f"The edit does not fit {asked['name']}: {'; '.join(problems)}")
    return final
