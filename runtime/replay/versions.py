"""What has changed between the release that recorded a thread and this one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from core.errors import BadInput
from escalation.scoring import base_of
from graph.version import GRAPH_VERSION
from runtime.models import OFFLINE
from runtime.replay.record import Record
from runtime.wiring import Application


def refuse_later(record: Record) -> None:
    """Raises BadInput for a graph that this release does not know."""
    if record.thread["graph_version"] > GRAPH_VERSION:
        raise BadInput(
            f"Thread {record.thread['id']} was recorded by a later release (graph {record.thread['graph_version']}, "
            f"this one has {GRAPH_VERSION}). Replay it with that release."
        )


class Changed(NamedTuple):
    """What is another than it was. `release`: in a sentence, empty for the very same; its code may decide the same.

    `deciding`: graph, behaviour and rules, of which each may decide otherwise, a sentence a change.
    """

    release: str
    deciding: tuple[str, ...]

    @property
    def sentences(self) -> list[str]:
        return [*([self.release] if self.release else []), *self.deciding]


def compared(app: Application, record: Record) -> Changed:
    """How the version that recorded a thread differs from this one. Raises BadInput."""
    thread = record.thread
    parameters = next((call["parameters"] for call in record.calls), None)
    recorded = {name: base_of(version) for name, version in thread["behaviour_versions"].items()}
    offline = thread["model"] == OFFLINE
    now = recorded if parameters is None else app.behaviours(thread["domain"], parameters, offline=offline)
    deciding = (*_graph(record), *_behaviours(recorded, now), *_policies(app, record))
    if app.release(now) == thread["release"]:
        return Changed("", deciding)
    return Changed(f"It was recorded by release {thread['release']}; this is {app.release(now)}.", deciding)


def changes(app: Application, record: Record) -> list[str]:
    """The same in sentences; empty when the thread was recorded by this very release. Raises BadInput."""
    return compared(app, record).sentences


def refuse_another(record: Record, changed: Changed) -> None:
    """Raises BadInput where graph, behaviour or rules are others: a difference would speak of them alone."""
    if changed.deciding:
        raise BadInput(
            f"Thread {record.thread['id']} was recorded by another version. {' '.join(changed.sentences)} "
            "Replay it all the same with --anyway."
        )


def _graph(record: Record) -> Iterator[str]:
    if record.thread["graph_version"] != GRAPH_VERSION:
        yield f"The graph is version {GRAPH_VERSION}, and was {record.thread['graph_version']}."


def _behaviours(recorded: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    for task_type in sorted(recorded.keys() | now.keys()):
        if task_type not in now or task_type not in recorded:
            yield f"{task_type} is {'new' if task_type in now else 'gone'}."
        elif recorded[task_type] != now[task_type]:
            was, is_now = recorded[task_type], now[task_type]
            yield f"{task_type} has other prompts, another tool or other weights ({was}, now {is_now})."


def _policies(app: Application, record: Record) -> Iterator[str]:
    said = {stored.body.get("policies") for stored in record.events if stored.kind == "policy_check"}
    if said - {app.gate.policies.hash[:16], None}:
        yield "Other rules were in force."
