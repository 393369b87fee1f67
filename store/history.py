"""A thread's checkpoints as people read them: which step, which node ran, what it changed, what waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.errors import BadInput, NotFound
from store.database import Pool
from store.sql import query

_BRANCH: Final = "branch:to:"


@dataclass(frozen=True, slots=True)
class Moment:
    """One checkpoint. `step` counts from -1, where the thread was given its task."""

    step: int
    checkpoint_id: str
    parent_id: str | None
    at: str
    nodes: tuple[str, ...]
    """What ran to get here; empty at the start, and where somebody set the state."""
    changed: tuple[str, ...]
    """Channels of the state that are stored anew."""
    waits: tuple[str, ...]
    """Nodes that run next; empty at the start and at the end."""
    reviews: tuple[str, ...]
    """What people were asked here, and what they said: `r-7 approve, by dana`."""


class HistoryStore:
    """Checkpoints over a pool, for reading."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def moments(self, thread_id: str) -> list[Moment]:
        """From the first checkpoint to the last. A pruned thread has the last alone."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(query("checkpoint_history"), {"id": thread_id})).fetchall()
            asked = await (await connection.execute(query("review_of_thread"), {"id": thread_id})).fetchall()
        return list(_moments(rows, _said(asked)))

    async def at(self, thread_id: str, place: str) -> Moment:
        """The checkpoint with that step number, or whose id begins so. Raises NotFound, or BadInput for several."""
        moments = await self.moments(thread_id)
        found = [each for each in moments if place == str(each.step)][-1:]
        found = found or [each for each in moments if len(place) > 3 and each.checkpoint_id.startswith(place)]
        if not found:
            raise NotFound(f"{place[:40]!r} is no checkpoint of thread {thread_id}. See: autonomy history {thread_id}")
        if len(found) > 1:
            raise BadInput(f"More than one checkpoint of thread {thread_id} begins with {place!r}; give its step.")
        return found[0]


def _said(asked: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for row in asked:
        answer = f"{row['answer']}, by {row['decided_by']}" if row["answer"] else row["state"]
        said.setdefault(row["checkpoint_id"], []).append(f"r-{row['number']} {answer}")
    return said


def _moments(rows: Sequence[Mapping[str, Any]], reviews: Mapping[str, Sequence[str]]) -> Iterator[Moment]:
    waits = {row["checkpoint_id"]: _nodes(row["sent_for"]) for row in rows}
    for row in rows:
        # A superstep runs all that the checkpoint before it sent for; an update by hand runs nothing.
        ran = waits.get(row["parent_checkpoint_id"] or "", ()) if row["source"] == "loop" else ()
        changed = (name for name in row["updated"] or () if not name.startswith((_BRANCH, "__")))
        yield Moment(
            row["step"],
            row["checkpoint_id"],
            row["parent_checkpoint_id"],
            row["at"],
            ran,
            tuple(sorted(changed)),
            waits[row["checkpoint_id"]],
            tuple(reviews.get(row["checkpoint_id"], ())),
        )


def _nodes(channels: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(name.removeprefix(_BRANCH) for name in channels))
