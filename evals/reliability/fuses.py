"""Fuses: files that say where in a thread its worker is to die, each used up by the death it causes."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

Boundary = Literal[
    "before claim", "claimed", "answered", "recorded", "before writes", "after writes", "before checkpoint",
    "after checkpoint", "before job finish",
]  # fmt: skip
"""Where a worker can be killed from inside. `sent` and `applied without answer` are the effect server's to cause."""
BOUNDARIES: Final[tuple[Boundary, ...]] = get_args(Boundary)


@dataclass(frozen=True, slots=True)
class Fuses:
    """A folder of fuses, one for a thread."""

    folder: Path

    def lay(self, thread_id: str, boundary: Boundary, tool: str) -> None:
        """Kill the process that brings `tool` of this thread to `boundary`, once."""
        (self.folder / thread_id).write_text(json.dumps([boundary, tool]), encoding="ascii")

    def reach(self, thread_id: str, boundary: Boundary, tool: str) -> None:
        """Does not return where a fuse is laid."""
        fuse = self.folder / thread_id
        try:
            if json.loads(fuse.read_text(encoding="ascii")) != [boundary, tool]:
                return
            fuse.unlink()
        except FileNotFoundError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    def unused(self) -> list[str]:
        """Threads whose fuse has not gone off."""
        return sorted(fuse.name for fuse in self.folder.iterdir())
