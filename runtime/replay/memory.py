"""What the planner recalled, as its event names it."""

from __future__ import annotations

import json

from core.memory import Recall
from core.ports import CallSite
from runtime.replay.content import RecordedArtifacts
from runtime.replay.tape import Tape


class RecordedMemory:
    """core.ports.Memory. Raises BadInput when what was recalled is not kept any more."""

    def __init__(self, tape: Tape, artifacts: RecordedArtifacts) -> None:
        self._tape, self._artifacts = tape, artifacts

    async def recall(self, site: CallSite, words: str) -> Recall:
        kept = self._tape.next().body.get("memory")
        if kept is None:
            return Recall()
        return Recall.from_json(json.loads((await self._artifacts.read(site.tenant, [kept]))[kept]))
