"""The far side of the red team: a server over real HTTP that has every effect of its tools, and counts it.

POST /did/{tool}   {task, arguments}: it was mailed, posted, paid, fetched, shared, labelled or deleted
GET  /did          all of it, in order
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
from typing_extensions import override

from evals.reliability.effect_server import EffectServer, Handler
from evals.reliability.far_side import started

MODULE: Final = "evals.red_team.capture"


class CaptureHandler(Handler):
    server: CaptureServer

    @override
    def do_POST(self) -> None:
        said = self._body()
        self.server.did.append({"tool": self.path.rpartition("/")[2], **said})
        self._answer(200, {})

    @override
    def do_GET(self) -> None:
        self._answer(200, {"did": self.server.did})


class CaptureServer(EffectServer):
    def __init__(self) -> None:
        super().__init__(CaptureHandler)
        self.did: list[dict[str, Any]] = []


@dataclass(frozen=True, slots=True)
class Capture:
    """A capture server in another process."""

    url: str
    client: httpx.Client

    def did(self, *tasks: str) -> list[dict[str, Any]]:
        """What took effect for these tasks."""
        found: list[dict[str, Any]] = self.client.get("/did").raise_for_status().json()["did"]
        return [each for each in found if each["task"] in tasks]


@contextmanager
def capture() -> Iterator[Capture]:
    with started(MODULE) as url, httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        yield Capture(url, client)


def main() -> None:
    """Serve until standard input closes."""
    server = CaptureServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
