"""Where the scenarios are played: one cluster and one effect server for all, and how large each scenario is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.vocabulary import Environment
from evals.reliability.cluster import Cluster
from evals.reliability.far_side import FarSide, far_side
from evals.reliability.fuses import BOUNDARIES
from evals.reliability.stage import Stage, open_stage


@dataclass(frozen=True, slots=True)
class Size:
    """How often each thing is done."""

    boundaries: tuple[str, ...]
    """Of fuses.BOUNDARIES, and the effect server's `sent` and `applied without answer`."""
    kills: int
    doubles: int
    restarts: int
    batch: int
    cuts: int
    pickups: int
    stopped_seconds: float
    """How long a worker is stopped at least."""
    timed: bool
    """Whether times are required, which a busy machine cannot promise, and loops blocked, which takes a while."""


FAR_BOUNDARIES: Final = ("sent", "applied without answer")
LONG: Final = Size(
    (*BOUNDARIES, *FAR_BOUNDARIES),
    kills=200, doubles=1000, restarts=20, batch=50, cuts=5, pickups=20, stopped_seconds=12, timed=True,
)  # fmt: skip
SHORT: Final = Size(
    ("claimed", "applied without answer", "recorded", "after writes"),
    kills=10, doubles=30, restarts=1, batch=8, cuts=1, pickups=4, stopped_seconds=0, timed=False,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Theatre:
    """`folder` is below the machine's temporary folder and readable for the server's user."""

    cluster: Cluster
    far: FarSide
    folder: Path

    def stage(self, name: str, environment: Environment = "local") -> AbstractAsyncContextManager[Stage]:
        return open_stage(self.cluster, self.far, self.folder, name, environment)


@contextmanager
def open_theatre(folder: Path) -> Iterator[Theatre]:
    """Start the cluster and the effect server; end both."""
    folder.chmod(0o755)  # the server runs as another user when this one is root
    cluster = Cluster.start(folder / "cluster")
    try:
        with far_side() as far:
            yield Theatre(cluster, far, folder)
    finally:
        cluster.stop()
