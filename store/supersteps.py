"""What a superstep tells: the events of its tasks in order, and where they bring the thread. Pure.

What pauses or ends a thread first decides its status. A sibling that interrupts or fails after that leaves its event
and changes nothing: it is met again when the superstep is run again. An error of a subgraph is told by the task that
called it, which passes it on or does something about it; a task that was cancelled because a sibling failed tells
nothing; one whose error went to an error handler tells it without ending the thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg
from langgraph.types import Interrupt

from core.canonical import storable_text
from core.errors import ClassifiedError, ToolError
from core.events import AGENT, Event
from core.failures import FAILURES, classify
from core.lifecycle import THREAD_MOVES, after
from core.retries import postponement
from core.vocabulary import FailureClass, ThreadStatus
from store.encryption import Cipher, said

EVENTS: Final = "events"
INTERRUPT: Final = "__interrupt__"
ERROR: Final = "__error__"
_HANDLED: Final = "__error_source_node__"
_MESSAGE_LENGTH: Final = 2000


class Position(NamedTuple):
    """Where a thread is: its row as far as a transition depends on it."""

    tenant: str
    status: ThreadStatus
    epoch: int
    last_seq: int
    last_hash: str
    postponed: int


@dataclass(frozen=True, slots=True)
class TaskWrites:
    """What one task wrote in the superstep that follows `checkpoint_id`."""

    namespace: str
    checkpoint_id: str
    task_id: str
    task_path: str
    writes: tuple[tuple[str, Any], ...]

    def of(self, channel: str) -> Iterator[Any]:
        return (value for name, value in self.writes if name == channel)


class Told(NamedTuple):
    """Events with the checkpoint each belongs to, and the thread's row after them."""

    events: list[tuple[str, Event]]
    status: ThreadStatus
    again_at: datetime | None
    """When a postponed thread is tried again."""


def in_order(tasks: Iterable[TaskWrites]) -> list[TaskWrites]:
    """Supersteps as they came; the tasks of one by their path, as LangGraph applies them, whichever ended first."""
    supersteps: dict[tuple[str, str], list[TaskWrites]] = {}
    for task in tasks:
        supersteps.setdefault((task.namespace, task.checkpoint_id), []).append(task)
    return [task for held in supersteps.values() for task in sorted(held, key=lambda task: task.task_path)]


def interrupts_of(tasks: Sequence[TaskWrites]) -> Iterator[tuple[TaskWrites, Interrupt]]:
    for task in tasks:
        for asked in task.of(INTERRUPT):
            yield from ((task, interrupt) for interrupt in asked if isinstance(interrupt, Interrupt))


def tell(
    tasks: Sequence[TaskWrites], position: Position, opened: Mapping[str, int], now: datetime, cipher: Cipher | None
) -> Told:
    """`tasks` in order; `opened`: number of the review of each interrupt that is new. Raises IllegalTransition."""
    events: list[tuple[str, Event]] = []
    status, again_at = position.status, None
    for task in tasks:
        failures = _failures(task, status, position.postponed, now, cipher)
        for item in (*_said(task), *failures, *_questions(task, opened, events)):
            status = _moved(status, item)
            events.append((task.checkpoint_id, item))
            if item.kind == "postponed":
                again_at = max(again_at or now, datetime.fromisoformat(item.body["again_at"]))
    return Told(events, status, again_at)


def _said(task: TaskWrites) -> list[Event]:
    return [Event(**item) for said_at_once in task.of(EVENTS) for item in said_at_once]


def _failures(
    task: TaskWrites, status: ThreadStatus, postponed: int, now: datetime, cipher: Cipher | None
) -> list[Event]:
    if task.namespace:
        return []
    ends = status == "running" and not any(True for _ in task.of(_HANDLED))
    # Exception: what a cancelled sibling leaves is none.
    errors = (error for error in task.of(ERROR) if isinstance(error, Exception))
    return [
        item for error in errors for item in (*_attempts(error, cipher), _failure(error, ends, postponed, now, cipher))
    ]


def _attempts(error: Exception, cipher: Cipher | None) -> Iterator[Event]:
    """Of a call that has no row in the ledger: the node that would have told of them has raised."""
    for tried in error.attempts if isinstance(error, ToolError) else ():
        sealed = said(tried["message"], cipher) if "message" in tried else {}
        yield Event("tool_attempt", AGENT, {**tried, **sealed})


def _failure(error: Exception, ends: bool, postponed: int, now: datetime, cipher: Cipher | None) -> Event:
    name = _class_of(error)
    message = storable_text(str(error)[:_MESSAGE_LENGTH])
    body: dict[str, Any] = {"class": name, "error": type(error).__name__, **said(message, cipher)}
    asked = error.retry_after if isinstance(error, ClassifiedError) else None
    wait = postponement(postponed, asked) if ends and FAILURES[name].again else None
    if wait is None:
        return Event("failure", "agent", {**body, "fatal": ends})
    return Event("postponed", "agent", {**body, "again_at": (now + timedelta(seconds=wait)).isoformat()})


def _class_of(error: Exception) -> FailureClass:
    # The core knows no driver: a connection that broke inside a node is the database's doing, not a bug of ours.
    return "storage" if isinstance(error, psycopg.OperationalError) else classify(error)


def _questions(task: TaskWrites, opened: Mapping[str, int], before: Sequence[tuple[str, Event]]) -> Iterator[Event]:
    """An interrupt of a subgraph arrives in its namespace and in its caller's: told once."""
    told = {item.body["review"] for _, item in before if item.kind == "review_requested"}
    for _, interrupt in interrupts_of([task]):
        number = opened.get(interrupt.id)
        if number is not None and number not in told:
            request = interrupt.value
            body = {"review": number, "kind": request["kind"], "action_hash": request["action_hash"]}
            yield Event("review_requested", "agent", body)


def _moved(status: ThreadStatus, item: Event) -> ThreadStatus:
    moves = THREAD_MOVES[status]
    if item.kind == "thread_finished":
        return after(status, "stop" if item.body["status"] == "stopped" else "finish")
    if item.kind == "review_requested":
        return moves.get("interrupt", status)
    if item.kind == "postponed":
        return moves.get("requeue", status)
    if item.kind == "failure" and item.body.get("fatal"):
        return moves.get("fail", status)
    return status
