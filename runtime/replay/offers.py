"""Which tools were not to be had, turn by turn: those of an MCP server come and go between the runs of one thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from core.events import ChainedEvent
from runtime.replay.tape import Tape


class RecordedOff(Mapping[str, str]):
    """Tool -> why it is off, as the event that comes next says.

    A tool that was never offered in the whole thread is off besides: it may have come into the registry since, or an
    older release recorded the thread, which did not write down what was off.
    """

    def __init__(self, tape: Tape, events: Sequence[ChainedEvent]) -> None:
        self._tape = tape
        self._offered = {name for stored in events for name in stored.body.get("offered", ())}

    def __contains__(self, name: object) -> bool:
        return name not in self._offered or name in self._then()

    def __getitem__(self, name: str) -> str:
        if name in self:
            return "it was off then"
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._then())

    def __len__(self) -> int:
        return len(self._then())

    def _then(self) -> Sequence[str]:
        off: Sequence[str] = self._tape.next().body.get("off", ())
        return off
