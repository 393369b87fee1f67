"""The effect server as the eval sees it: a process of its own, plans for its misbehaviour, and its counts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import httpx

from evals.reliability.effect_server import Act

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Counts:
    """What took effect: kind -> key -> times; and how many requests came for each target."""

    effects: dict[str, dict[str, int]]
    requests: dict[str, int]


@dataclass(frozen=True, slots=True)
class FarSide:
    """A running effect server."""

    url: str
    client: httpx.Client

    def plan(self, target: str, *acts: Act) -> None:
        """What to do with the next requests for `target`, in order; later ones are answered as they should be."""
        self._post("/plan", {"target": target, "acts": list(acts)})

    def counts(self) -> Counts:
        found = self.client.get("/counts").raise_for_status().json()
        return Counts(found["effects"], found["requests"])

    def _post(self, path: str, body: dict[str, Any]) -> None:
        self.client.post(path, json=body).raise_for_status()


@contextmanager
def far_side() -> Iterator[FarSide]:
    """Start an effect server, and end it."""
    with (
        started("evals.reliability.effect_server") as url,
        httpx.Client(base_url=url, trust_env=False, timeout=10) as client,
    ):
        yield FarSide(url, client)


@contextmanager
def started(module: str, settings: Mapping[str, str] = MappingProxyType({}), *arguments: str) -> Iterator[str]:
    """A server of ours in a process of its own, until the end: the first line that it prints, its address."""
    command = (sys.executable, "-m", module, *arguments)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603 - ours
        if process.stdin is None or process.stdout is None:
            raise RuntimeError(f"{module} has no pipes.")
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
