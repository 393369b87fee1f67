"""What people decided, by occurrence: ids of interrupts and tasks differ from run to run."""

from __future__ import annotations

from typing import Any

from core.people import Approver
from core.state import Json
from runtime.replay.record import Record
from runtime.replay.tape import RecordEnds, Tape


class RecordedPeople:
    """core.ports.Approvals, and the answers to what the replay asks."""

    def __init__(self, record: Record, tape: Tape) -> None:
        self._tape, self._reviews = tape, record.reviews
        self._open: int | None = None

    async def approver(self, thread_id: str, proposal_hash: str) -> Approver | None:
        """Who it was, as the check says that comes next."""
        found = self._tape.next().body.get("approver")
        return Approver(**found) if found else None

    def asked(self) -> int | None:
        """The number of the review that was asked for next; None when nobody was."""
        try:
            stored = self._tape.next()
        except RecordEnds:
            return None
        self._open = int(stored.body["review"]) if stored.kind == "review_requested" else None
        return self._open

    def answered(self) -> Json:
        """What resumes the graph. Raises RecordEnds when nobody's answer was taken up, or Parted."""
        stored, number = self._tape.next(), self._open
        if number is None:
            raise self._tape.part({"kind": "review_requested", "what": "a person is asked"}, "kind")
        if stored.kind != "review_applied" or stored.body["review"] != number:
            raise self._tape.part({"kind": "review_applied", "what": f"review r-{number} is answered"}, "kind")
        decision: dict[str, Any] = self._reviews[number]["decision"]
        return {"decisions": [decision], "review": number}
