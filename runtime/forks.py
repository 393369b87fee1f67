"""Copies of a thread from one of its checkpoints, carried on beside it; the thread itself is never touched.

A copy begins with the state of that checkpoint, perhaps edited. What policy, score and people said is left behind: a
proposal under way is checked again, and whoever has to be asked is asked again. Unless it is live, a copy's tools that
would change anything outside are stubs, its local effects are under keys of its own, its files in a folder of its own,
and what people decide on it is no evidence about the agent. A live copy shares the business identity of its operations
with the thread: what was done once is answered from the ledger, and not done again.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, assert_never

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

from core.canonical import sha256
from core.domain import Domain
from core.errors import BadInput
from core.events import ChainedEvent, Event
from core.people import Person
from core.state import Json
from core.tools import ToolSpec
from graph.version import GRAPH_VERSION
from runtime.edits import StateEdit, edited_state
from runtime.roles import refuse_unless_admin
from runtime.states import state_at
from runtime.wiring import Application
from store.history import HistoryStore, Moment
from store.scorings import ScoringStore
from tools.stubs import reaches_outside

Fate = Literal["stubbed", "its own", "answered", "again"]
"""What becomes of an effect in a copy: a stub, on documents of its own, answered from the ledger, or done once more."""
_LEFT_BEHIND: Final = ("policy", "escalation", "review", "ending")


@dataclass(frozen=True, slots=True)
class Effect:
    """Something the thread did after the checkpoint, which its copy may do again."""

    seq: int
    action: str
    fate: Fate


@dataclass(frozen=True, slots=True)
class Plan:
    """A copy that was asked for and checked, not made yet."""

    source: Mapping[str, Any]
    moment: Moment
    edit: Json
    live: bool
    proposal_id: str
    effects: tuple[Effect, ...]


async def plan(
    app: Application, thread: Mapping[str, Any], place: str, edit: StateEdit, live: bool, by: Person
) -> Plan:
    """Raises NotFound for a checkpoint of another thread, or BadInput, also for a person who may not let a copy reach
    outside."""
    if live:
        what = "lets a copy reach outside; without --live, its tools are stubs"
        await refuse_unless_admin(app, by, thread["environment"], thread["tenant"], what)
    if thread["graph_version"] > GRAPH_VERSION:
        raise BadInput(f"Thread {thread['id']} was started by a later release; fork it with that release.")
    moment = await HistoryStore(app.pool).at(thread["id"], place)
    if not moment.waits and moment.parent_id is not None:
        raise BadInput(f"Nothing follows step {moment.step} of thread {thread['id']}; take an earlier one.")
    domain, state = app.domain(thread["domain"]), await state_at(app, thread["id"], moment.checkpoint_id)
    proposal_id = secrets.token_hex(16)
    edited_state(domain, state, edit, proposal_id)  # what is wrong with it is said now
    effects = _effects(domain, await app.threads.timeline(thread["id"]), moment, live)
    return Plan(thread, moment, edit.model_dump(exclude_unset=True), live, proposal_id, effects)


async def fork(app: Application, asked: Plan, by: str, *, reserved: bool = False) -> str:
    """Store the copy, queued; returns its id. A `reserved` one the caller runs."""
    source = asked.source
    bases = app.behaviour_versions(source["domain"], await app.choice(source["model"]))
    versions = await ScoringStore(app.pool).in_use(source["tenant"], source["environment"], bases)
    release = app.release(bases)
    body = {
        "from": source["id"],
        "checkpoint": asked.moment.checkpoint_id,
        "step": asked.moment.step,
        "edit": asked.edit,
        "live": asked.live,
        "proposal": asked.proposal_id,
    }
    kept = ("tenant", "domain", "subject", "environment", "model")
    while True:
        thread_id = secrets.token_hex(5)
        task = dict(source["task"]) if asked.live else _apart(source["task"], thread_id)
        row = {name: source[name] for name in kept} | {"id": thread_id, "task": task, "requester": by, "fork": body}
        row |= {"graph_version": GRAPH_VERSION, "release": release, "behaviour_versions": versions}
        told = {name: said for name, said in body.items() if name != "edit"} | {"edit": sha256(asked.edit)}
        said = {
            "domain": source["domain"],
            "task": sha256(task),
            "release": release,
            "behaviour": versions,
            "fork": told,
        }
        if await app.threads.create(row, Event("thread_started", by, said), reserved=reserved):
            return thread_id


async def seed(
    graph: CompiledStateGraph[Any, Any, Any, Any],
    config: RunnableConfig,
    domain: Domain,
    thread: Mapping[str, Any],
    state: Mapping[str, Any],
) -> None:
    """Give a copy that has no checkpoint yet the state it begins with.

    As if the planner had just proposed what is under way, so that policy is asked first; else as if a tool had just
    answered, so that the planner is.
    """
    body = thread["fork"]
    edited = edited_state(domain, state, StateEdit.model_validate(body["edit"]), body["proposal"])
    edited |= dict.fromkeys(_LEFT_BEHIND) | {"task": dict(thread["task"])}
    await graph.aupdate_state(config, edited, as_node="planner" if edited.get("proposal") else "tool_execution")


def _apart(task: Mapping[str, Any], thread_id: str) -> Json:
    """The task with a folder of the copy's own."""
    if "content_dir" not in task:
        return dict(task)
    return {**task, "content_dir": str(Path(task["content_dir"], "forks", thread_id))}


def _effects(domain: Domain, events: Sequence[ChainedEvent], moment: Moment, live: bool) -> tuple[Effect, ...]:
    """Commits behind the checkpoint; its id says when it was made."""
    return tuple(
        Effect(stored.seq, stored.body["action"], _fate(domain.tools.get(stored.body["action"]), live))
        for stored in events
        if stored.kind == "commit" and (stored.checkpoint_id or "") >= moment.checkpoint_id
    )


def _fate(spec: ToolSpec | None, live: bool) -> Fate:
    if spec is None or not reaches_outside(spec):
        return "its own"
    if not live:
        return "stubbed"
    return "answered" if spec.identity else "again"


def in_words(fate: Fate) -> str:
    match fate:
        case "stubbed":
            return "is a stub in the copy: nothing is done outside"
        case "its own":
            return "is done on the copy's own documents"
        case "answered":
            return "is answered from the ledger where it was done: it is not done twice"
        case "again":
            return "would be DONE AGAIN: it has no identity beyond its proposal"
        case _:
            assert_never(fate)
