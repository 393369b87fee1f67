"""The event sink: a channel that takes events from any number of nodes and keeps none of them.

Nothing of it is ever in a checkpoint; the transition saver moves its writes to the event table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from langgraph._internal._typing import MISSING  # the only marker of "nothing to checkpoint"; langgraph is pinned
from langgraph.channels.base import BaseChannel
from langgraph.errors import EmptyChannelError


class EventSink(BaseChannel[Any, Any, Any]):
    """Accepts lists of events, never has a value, never bumps a version."""

    __slots__ = ()

    @property
    def ValueType(self) -> Any:  # noqa: N802 - langgraph's name
        return list

    @property
    def UpdateType(self) -> Any:  # noqa: N802 - langgraph's name
        return list

    def copy(self) -> Self:
        return self.__class__(self.typ, self.key)

    def from_checkpoint(self, checkpoint: Any) -> Self:
        return self.copy()

    def checkpoint(self) -> Any:
        return MISSING

    def update(self, values: Sequence[Any]) -> bool:
        return False

    def get(self) -> Any:
        raise EmptyChannelError

    def is_available(self) -> bool:
        return False
