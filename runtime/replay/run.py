"""Runs a recorded thread again, in memory, and says whether it decides the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.types import Command

from core.errors import AutonomyError, BadInput
from core.events import Event
from core.failures import classify
from graph.build import GraphState, build
from runtime.forks import seed
from runtime.replay.bindings import Replaying, replaying
from runtime.replay.record import Record, read
from runtime.replay.saver import ListeningSaver
from runtime.replay.tape import Difference, Parted, RecordEnds
from runtime.running import Graph, run_config
from runtime.wiring import Application

Step = Callable[[str], None]
"""Called with the name of each node that has run."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it. `decided`: events that came out the same; `supersteps`: how many nodes were run."""

    thread_id: str
    decided: int
    supersteps: int
    passed: int
    """Failures that had ended a run, and that the thread got over."""
    difference: Difference | None


async def replay(app: Application, thread: Mapping[str, Any], step: Step = lambda _: None) -> Replayed:
    """Run `thread` again from its record. Nothing is written.

    Raises BadInput when it cannot be: a broken chain, something that is not kept any more, a domain that is gone.
    """
    return await replay_record(app, await read(app, thread), step)


async def replay_record(app: Application, record: Record, step: Step = lambda _: None) -> Replayed:
    """As replay, of what was read already."""
    playing = replaying(app, record)
    saver = ListeningSaver(playing.tape, playing.people.asked)
    graph: Graph = build(playing.bound).compile(checkpointer=saver)
    counted = 0

    def ran(node: str) -> None:
        nonlocal counted
        counted += 1
        step(node)

    try:
        await _play(graph, playing, record, ran)
    except RecordEnds:
        pass
    except Parted:
        pass  # the tape holds it
    tape = playing.tape
    if tape.difference is None and not tape.heard_all():
        _short(playing)
    return Replayed(record.thread["id"], tape.place - tape.passed, counted, tape.passed, tape.difference)


async def _play(graph: Graph, playing: Replaying, record: Record, ran: Step) -> None:
    """Until the graph or the record ends. Raises RecordEnds or Parted."""
    config = run_config(record.thread["id"])
    given: GraphState | Command[Any] | None = GraphState(task=record.thread["task"], results={}, counters={})
    if record.begins is not None:
        await seed(graph, config, playing.bound.domain, record.thread, record.begins)
        given = None
    while True:
        await _run(graph, config, given, playing, ran)
        playing.tape.check()
        snapshot = await graph.aget_state(config)
        if snapshot.interrupts:
            [asked] = snapshot.interrupts
            given = Command(resume={asked.id: playing.people.answered()})
        elif snapshot.next:
            given = None  # a run that ended by a failure, which a later one took up
        else:
            return


async def _run(graph: Graph, config: Any, given: Any, playing: Replaying, ran: Step) -> None:
    try:
        async for update in graph.astream(given, config, stream_mode="updates", durability="sync"):
            for node in update:
                if not node.startswith("__"):
                    ran(node)
            playing.tape.check()
    except (Parted, RecordEnds, BadInput):
        raise
    except Exception as error:
        playing.tape.check()
        if not _ended_then_too(playing, error):
            raise _stopped_now(playing, error) from error


def _ended_then_too(playing: Replaying, error: Exception) -> bool:
    """The saver has told the tape: a failure of this class stands there, and the tape has gone past it."""
    return playing.tape.last_passed == classify(error)


def _stopped_now(playing: Replaying, error: Exception) -> AutonomyError:
    said = Event("failure", "agent", {"class": classify(error), "error": type(error).__name__, "message": str(error)})
    return playing.tape.part(said.to_json(), "kind")


def _short(playing: Replaying) -> None:
    playing.tape.part({"kind": "nothing", "what": "the graph has ended"}, "kind")
