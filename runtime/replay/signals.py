"""Novelty and history as they were read when a proposal was scored."""

from __future__ import annotations

from core.events import ChainedEvent
from core.ports import NoveltyReading
from runtime.replay.tape import Tape


class RecordedSignals:
    """core.ports.Novelty and History."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    async def nearest(self, tenant: str, task_type: str, situation: str) -> NoveltyReading:
        body = self._scored(task_type).body
        inputs = body.get("inputs", {"novelty": body["novelty"], "note": "recorded by an earlier release"})
        return NoveltyReading(inputs["novelty"], body["similar"], inputs["note"])

    async def changed(self, tenant: str, task_type: str) -> tuple[int, int]:
        inputs = self._scored(task_type).body.get("inputs", {})
        return inputs.get("changed", 0), inputs.get("decided", 0)

    async def remember(self, tenant: str, task_type: str, key: str, situation: str) -> str:
        """Nothing is remembered. Returns why it could not be, when it could not be then."""
        for stored in self._tape.before_next_decision("observation"):
            if stored.body.get("what") == f"{task_type} not remembered":
                return str(stored.body["why"])
        return ""

    def _scored(self, task_type: str) -> ChainedEvent:
        stored = self._tape.next()
        if stored.kind != "escalation":
            raise self._tape.part({"kind": "escalation", "what": f"{task_type} is scored"}, "kind")
        return stored
