"""LangGraph's InMemorySaver, which tells the tape what each superstep says, as store/transitions.py would store it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from core.errors import AutonomyError
from core.events import GENESIS
from core.retries import POSTPONEMENTS
from runtime.replay.tape import Parted, RecordEnds, Tape
from store.supersteps import ERROR, Position, TaskWrites, interrupts_of, tell

_RUNNING = Position("", "running", 0, 0, GENESIS, len(POSTPONEMENTS))
"""A thread under way whose failures are not waited out any more."""


class ListeningSaver(InMemorySaver):
    """`asked` gives the number of the review that an interrupt opens."""

    def __init__(self, tape: Tape, asked: Callable[[], int | None]) -> None:
        super().__init__()
        self._tape, self._asked = tape, asked

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        stops = (Parted, RecordEnds, AutonomyError) if self._tape.difference else (Parted, RecordEnds)
        if any(channel == ERROR and isinstance(value, stops) for channel, value in writes):
            return
        place = config["configurable"]
        task = TaskWrites(place.get("checkpoint_ns", ""), place["checkpoint_id"], task_id, task_path, tuple(writes))
        opened = {interrupt.id: number for _, interrupt in interrupts_of([task]) if (number := self._asked())}
        told = tell([task], _RUNNING, opened, datetime.now(UTC), None)
        self._tape.hear(item for _, item in told.events)
        await super().aput_writes(config, writes, task_id, task_path)
