"""What a proposal was scored by: novelty and history as they were read, and what had been learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from core.events import ChainedEvent
from core.ports import NoveltyReading, Past
from escalation.scoring import USUAL, Scoring, from_json
from runtime.replay.tape import Tape


class RecordedSignals:
    """core.ports.Novelty and History."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    async def nearest(self, tenant: str, task_type: str, situation: str) -> NoveltyReading:
        body = self._scored(task_type).body
        inputs = body.get("inputs", {"novelty": body["novelty"], "note": "recorded by an earlier release"})
        return NoveltyReading(inputs["novelty"], body["similar"], inputs["note"])

    async def changed(self, tenant: str, task_type: str, nearest: Sequence[str] = ()) -> Past:
        inputs = self._scored(task_type).body.get("inputs", {})
        return Past(inputs.get("changed", 0), inputs.get("decided", 0), inputs.get("alike", False))

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


class RecordedScorings(Mapping[str, Scoring]):
    """What was learned of scoring, as the event says that comes next; the usual where it says nothing."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def __getitem__(self, task_type: str) -> Scoring:
        said = self._tape.next().body.get("scoring")
        return USUAL if said is None else from_json(said)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
