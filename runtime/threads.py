"""Start, advance and decide: the operations both faces stand on. Only `advance` runs the graph."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, StateSnapshot

from core.canonical import sha256
from core.errors import BadInput, ThreadBusy
from core.events import Event
from core.lifecycle import ENDED
from core.reviews import WireAnswer, answer_of
from core.state import Json, ThreadState
from graph.build import GRAPH_VERSION, GraphState, build
from nodes.bindings import Bindings
from nodes.views import view_of
from policy.check import schema_problems
from runtime.intake import NewThread
from runtime.wiring import Application, write_export
from store.leases import LeaseRenewal
from store.reviews import Decision
from store.threads import Lease

RECURSION_LIMIT: Final = 1_000
"""Supersteps of one advance; the step limit of policy/limits.py ends a thread long before."""
_ID_BYTES: Final = 5

Graph = CompiledStateGraph[GraphState, None, GraphState, GraphState]
Observer = Callable[[str, Json], None]
"""Called with a node's name and its update, as soon as the step is stored."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides. `verified` is False for a name that was only typed in."""

    name: str
    verified: bool = False


async def start(app: Application, new: NewThread) -> str:
    """Store a queued thread and its first event; returns its id."""
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
        if await app.threads.create({**row, "id": thread_id}, Event("thread_started", new.requester, said)):
            return thread_id


async def advance(app: Application, thread_id: str, observe: Observer | None = None) -> Json:
    """Run a thread to its next interrupt or its end, as its only runner. Returns the thread's row.

    Raises ThreadBusy, BadInput for a thread that cannot go on, and whatever stopped the run.
    """
    thread = await app.threads.find(thread_id)
    _refuse_unrunnable(thread)
    if thread["status"] == "waiting" and not await _answered(app, thread["id"]):
        return thread
    await app.choice(thread["model"])  # before the lease: a thread whose model is not to be had is left as it is
    lease = await _take_lease(app, thread)
    released = False
    try:
        with LeaseRenewal(app.url, lease):
            while not released:
                lease = replace(lease, wake=await app.threads.wake(thread["id"]))
                await _run(app, thread, lease, observe)
                # Not released: a decision came meanwhile, and this runner takes it up.
                released = await app.threads.release(lease)
                if not released:
                    await app.threads.continue_under(lease)
    finally:
        if not released:
            await app.threads.abandon(lease)
    return await app.threads.find(thread["id"])


async def decide(
    app: Application,
    number: int,
    wire: WireAnswer,
    person: Person,
    *,
    arguments: Mapping[str, Any] | None = None,
    message: str = "",
) -> str:
    """Take a person's decision on a review, once; returns the thread's id. Nothing runs here.

    Raises NotFound, AlreadyDecided, StaleDecision, or BadInput for an answer this review does not take.
    """
    review = await app.reviews.get(number)
    _refuse_own(review, person)
    choice, message = _choice(review["request"], message) if wire == "respond" else (None, message)
    answer = answer_of(review["kind"], wire, choice)
    allowed = review["request"]["review_configs"][0]["allowed_decisions"]
    if wire not in allowed:
        raise BadInput(
            f"Review r-{number} takes {', '.join(allowed)}, not {wire}: its score is above what can be approved."
        )
    payload: Json = {"type": wire, "by": person.name, "message": message, "choice": choice}
    decided_hash = review["action_hash"] if answer == "approve" else None
    if wire == "edit":
        final = await _edited_arguments(app, review, arguments)
        action = review["request"]["action_requests"][0]["name"]
        payload |= {"edited_action": {"name": action, "args": final}, "proposal_id": secrets.token_hex(16)}
        decided_hash = sha256({"action": action, "arguments": final})
    elif arguments is not None:
        raise BadInput("--args goes with edit.")
    changed = answer in ("edit", "reject")
    decision = Decision(answer, person.name, person.verified, payload, decided_hash, changed)
    await app.reviews.decide(review, decision)
    return str(review["thread_id"])


async def _run(app: Application, thread: Json, lease: Lease, observe: Observer | None) -> None:
    saver = app.parts.saver(app.pool, lease.thread_id, lease.epoch)
    bound = await app.bind(thread, lease.epoch)
    graph: Graph = build(bound).compile(checkpointer=saver)
    config = run_config(lease.thread_id)
    snapshot = await graph.aget_state(config)
    given = next_input(thread["task"], snapshot, await app.reviews.waiting(lease.thread_id))
    if given == "wait":
        await app.threads.set_status(lease.thread_id, "waiting")
        return
    try:
        async for update in graph.astream(
            None if given == "continue" else given, config, stream_mode="updates", durability="sync"
        ):
            for node, changes in update.items():
                if observe is not None and isinstance(changes, dict):
                    observe(node, changes)
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
    exports = bound.domain.exports(view)
    return [
        await asyncio.to_thread(write_export, view.task["content_dir"], path, text) for path, text in exports.items()
    ]


def _refuse_unrunnable(thread: Mapping[str, Any]) -> None:
    if thread["status"] in ENDED:
        raise BadInput(
            f"Thread {thread['id']} is {thread['status']}; nothing is left to do. See: autonomy show {thread['id']}"
        )
    if thread["graph_version"] > GRAPH_VERSION:
        raise BadInput(
            f"Thread {thread['id']} was started by a later release (graph {thread['graph_version']}, "
            f"this one has {GRAPH_VERSION}). Resume it with that release."
        )


async def _answered(app: Application, thread_id: str) -> bool:
    return any(review["state"] == "decided" for review in await app.reviews.waiting(thread_id))


async def _take_lease(app: Application, thread: Mapping[str, Any]) -> Lease:
    """The lease, waiting at most once for that of a runner that died to run out."""
    owner = f"{socket.gethostname()}:{os.getpid()}"
    if (lease := await app.threads.take_lease(thread, owner)) is not None:
        return lease
    holder = await app.threads.holder(thread["id"])
    await asyncio.sleep(holder.seconds_left + 0.05)
    fresh = await app.threads.find(thread["id"])
    _refuse_unrunnable(fresh)
    if (lease := await app.threads.take_lease(fresh, owner)) is not None:
        return lease
    holder = await app.threads.holder(thread["id"])
    raise ThreadBusy(
        f"Thread {thread['id']} is being run by {holder.owner}. Watch it with: autonomy show {thread['id']}"
    )


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
