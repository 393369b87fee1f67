"""Shows a run while it goes: a line per finished step, a spinner for the one under way."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

from cli.console import out, safe, short
from core.state import Json


class Progress:
    """An observer of runtime.threads.advance. `quiet` prints nothing, for --json."""

    def __init__(self, *, quiet: bool) -> None:
        self._out = out()
        self._quiet = quiet
        self._since = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            self._status = Status("starting …", console=Console(stderr=True))
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, node: str, changes: Json) -> None:
        if self._quiet:
            return
        for said in changes.get("events", []):
            self._show(said["kind"], said["body"])
        if changes.get("review"):
            self._line("‖", changes["review"]["task_type"], "waiting for you")
        for path in changes.get("files", []):
            self._line("→", path.stem, short(path))
        if self._status is not None and (proposal := changes.get("proposal")):
            self._status.update(f"{proposal['action']} …")

    def _show(self, kind: str, body: Json) -> None:
        match kind:
            case "tool_result":
                self._line("✓", body["action"], body["summary"])
            case "policy_check" if body["outcome"] == "deny":
                self._line("✗", body["action"], f"denied: {'; '.join(body['reasons'])}")
            case "failure":
                self._line("✗", str(body.get("action", body["class"])), str(body["message"]))
            case _:
                pass

    def _line(self, sign: str, what: str, how: str) -> None:
        now = time.monotonic()
        line = safe(f"  {sign} {what:<15} {how:<{min(56, self._out.width - 30)}}")
        line.append(f" {now - self._since:5.1f} s", style="dim")
        self._out.print(line)
        self._since = now
