"""A transition as the parameters of one statement. Pure.

Rows travel as one JSON array a table, so that all of a superstep's rows fit one prepared statement: it is spelled by
one call, where an array for each column took the client nearly twice as long.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP, ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.base import get_serializable_checkpoint_metadata as plain_metadata
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from core.canonical import canonical_json, storable_text
from core.events import ChainedEvent, chain
from store.supersteps import EVENTS, Position, TaskWrites, Told

_NO_WRITES: Final = ("__no_writes__", None)
_SHORT: Final = 200
"""Characters of a text that stays in its checkpoint's row; a longer one is stored once a change, not once a step."""
_DELTAS: Final = "counters_since_delta_snapshot"
_METADATA: Final = ("source", "step", "parents", "run_id", _DELTAS)
"""What LangGraph itself reads of a checkpoint's metadata."""


class CheckpointRow(NamedTuple):
    """A checkpoint, and the blobs that no earlier one has stored: (channel, version, type, bytes)."""

    namespace: str
    checkpoint_id: str
    parent_id: str | None
    checkpoint: str
    metadata: str
    blobs: Sequence[tuple[str, str, str, bytes]]


class Transition(NamedTuple):
    """Parameters of `transition_store`, and where the thread is once it is stored."""

    parameters: dict[str, Any]
    after: Position


NONE: Final = "[]"
"""No rows."""


class CheckpointWriter:
    """Makes rows of the checkpoints of one run. `sealed`: nothing of a value stays in a checkpoint's own row."""

    def __init__(self, serde: SerializerProtocol, sealed: bool) -> None:
        self._serde = serde
        self._sealed = sealed
        self._moved: set[tuple[str, str, str]] = set()

    def row(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, new: ChannelVersions
    ) -> CheckpointRow:
        place = config["configurable"]
        namespace = place.get("checkpoint_ns", "")
        inline: dict[str, Any] = {}
        blobs: list[tuple[str, str, str, bytes]] = []
        for name, value in checkpoint["channel_values"].items():
            if self._stays(value):
                inline[name] = value
                continue
            if isinstance(value, _DeltaSnapshot):
                inline[name] = True  # LangGraph looks for this mark
            version = str(checkpoint["channel_versions"].get(name, ""))
            if self._due(namespace, name, version, value, new):
                blobs.append((name, version, *self._serde.dumps_typed(value)))
        said: Mapping[str, Any] = plain_metadata(config, metadata)
        if self._sealed:
            said = {name: said[name] for name in _METADATA if name in said}
        body = {**checkpoint, "channel_values": inline}
        return CheckpointRow(
            namespace, checkpoint["id"], place.get("checkpoint_id"), json.dumps(body), json.dumps(said), blobs
        )

    def _stays(self, value: Any) -> bool:
        if value is None or self._sealed:
            return value is None
        if isinstance(value, str):
            return len(value) <= _SHORT and storable_text(value) == value
        return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))

    def _due(self, namespace: str, name: str, version: str, value: Any, new: ChannelVersions) -> bool:
        """Changed, or a plain value that an earlier release, or a run without a key, left in the checkpoint's row."""
        place = (namespace, name, version)
        if name not in new and (place in self._moved or not isinstance(value, str | int | float)):
            return False
        self._moved.add(place)
        return bool(version)


def next_version(current: str | int | None) -> str:
    """A count that sorts as text, and chance, because branches from one checkpoint share a table of blobs.

    Shorter than LangGraph's 32 digits and a float, which every checkpoint repeats for each channel. It sorts after
    those, so that a thread begun with them goes on: where they have zeros it has its digits.
    """
    count = 0 if current is None else int(str(current).partition(".")[0])
    return f"{count + 1:08}.{random.getrandbits(24):06x}"


def write_columns(
    tasks: Sequence[TaskWrites], serde: SerializerProtocol, made: CheckpointRow | None = None
) -> dict[str, str]:
    """Pending writes. A task that wrote nothing but events has ended too, which its row says."""
    rows: dict[tuple[str, str, str, int], tuple[str, str, str, bytes]] = {}
    for task in tasks:
        for place, (channel, value) in enumerate(_pending(task, made)):
            index = WRITES_IDX_MAP.get(channel, place)
            key = (task.namespace, task.checkpoint_id, task.task_id, index)
            # One statement must not meet a row twice: an interrupt or error replaces its forerunner, others never do.
            if index < 0 or key not in rows:
                rows[key] = (task.task_path, channel, *serde.dumps_typed(value))
    written = [
        {
            "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id, "task_id": task_id, "task_path": path,
            "idx": index, "channel": channel, "type": kind, "blob": _bytes(value),
        }
        for (namespace, checkpoint_id, task_id, index), (path, channel, kind, value) in rows.items()
    ]  # fmt: skip
    return {"writes": _rows(written)}


def _pending(task: TaskWrites, made: CheckpointRow | None) -> list[tuple[str, Any]]:
    """What is stored of a task's writes. Nothing of those that `made`, stored with them, is made of: what they came to
    is in it, and they would be two fifths of a thread's bytes. Only delta channels are rebuilt from writes.
    """
    kept = [write for write in task.writes if write[0] != EVENTS]
    followed = made is not None and (made.namespace, made.parent_id) == (task.namespace, task.checkpoint_id)
    if made is None or not followed or _DELTAS in made.metadata:
        return kept or [_NO_WRITES]
    return [write for write in kept if write[0] in WRITES_IDX_MAP]


def checkpoint_columns(row: CheckpointRow | None) -> dict[str, Any]:
    made = row.blobs if row else ()
    blobs = [
        {"channel": channel, "version": version, "type": kind, "blob": _bytes(value)}
        for channel, version, kind, value in made
    ]
    return {
        "namespace": row.namespace if row else "",
        "checkpoint_id": row.checkpoint_id if row else None,
        "parent_id": row.parent_id if row else None,
        "checkpoint": row.checkpoint if row else None,
        "metadata": row.metadata if row else None,
        "blobs": _rows(blobs),
    }


def transition(thread_id: str, position: Position, told: Told, now: datetime, progressed: bool) -> Transition:
    """The thread's row and its events. `progressed`: a checkpoint follows, and with it earlier waits are forgotten."""
    links = _chained(thread_id, position, told, now)
    postponed = 0 if progressed else position.postponed + (told.again_at is not None)
    last_seq, last_hash = (links[-1].seq, links[-1].hash) if links else (position.last_seq, position.last_hash)
    ending = next((link.body for link in links if link.kind == "thread_finished"), None)
    parameters: dict[str, Any] = {
        "thread": thread_id,
        "epoch": position.epoch,
        "was_seq": position.last_seq,
        "was_hash": position.last_hash,
        "was_status": position.status,
        "last_seq": last_seq,
        "last_hash": last_hash,
        "status": told.status,
        "postponed": postponed,
        "ending": None if ending is None else canonical_json(ending),
        "again_at": told.again_at,
        "at": now,
        "events": _rows([_event_row(link) for link in links]),
        "released": _rows([link.body["review"] for link in links if link.kind == "review_applied"]),
    }
    stored = Position(position.tenant, told.status, position.epoch, last_seq, last_hash, postponed)
    return Transition(parameters, stored)


def _chained(thread_id: str, position: Position, told: Told, now: datetime) -> list[ChainedEvent]:
    links: list[ChainedEvent] = []
    last_seq, last_hash = position.last_seq, position.last_hash
    for checkpoint_id, item in told.events:
        links += chain(thread_id, last_seq, last_hash, [item], now, checkpoint_id)
        last_seq, last_hash = links[-1].seq, links[-1].hash
    return links


def _event_row(link: ChainedEvent) -> dict[str, Any]:
    """The body is not quoted: the server keeps its text as it stands here, which is the form that was hashed."""
    return {
        "seq": link.seq, "kind": link.kind, "class": link.event_class, "actor": link.actor,
        "checkpoint_id": link.checkpoint_id or "", "body": link.body, "prev_hash": link.prev_hash, "hash": link.hash,
    }  # fmt: skip


def _rows(values: Sequence[Any]) -> str:
    return canonical_json(values) if values else NONE


def _bytes(value: bytes) -> str:
    return f"\\x{value.hex()}"
