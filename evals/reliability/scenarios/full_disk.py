"""The disk of the database fills up while a batch is worked on, and is freed again."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from core.errors import DatabaseUnavailable
from evals.reliability.account import account, all_done, findings
from evals.reliability.cluster import Cluster
from evals.reliability.crew import Crew
from evals.reliability.report import Finding
from evals.reliability.scenarios.restarts import slow_thread
from evals.reliability.theatre import Size, Theatre

NAME: Final = "disk full"
_MEGABYTES: Final = 320
_FULL_SECONDS: Final = 8.0
_WORKERS: Final = 2
_PATIENCE: Final = 300.0
_CHUNK: Final = 256 * 1024


async def run(theatre: Theatre, size: Size) -> list[Finding]:
    disk = theatre.folder / "disk"
    disk.mkdir()
    try:
        with _small_disk(disk):
            return await _on_small_disk(theatre, disk, max(4, size.batch // 5))
    except (OSError, subprocess.CalledProcessError) as error:
        return [
            Finding(NAME, "finishes once there is room", f"not tried: no small disk can be mounted ({error})", True)
        ]


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """A tmpfs, for which one has to be root."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_MEGABYTES}m", "none", str(folder)], check=True)  # noqa: S603, S607
    folder.chmod(0o755)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607


async def _on_small_disk(theatre: Theatre, disk: Path, batch: int) -> list[Finding]:
    cluster = Cluster.start(disk / "cluster")
    try:
        async with replace(theatre, cluster=cluster).stage("full") as stage:
            trials = [await slow_thread(stage, 2) for _ in range(batch)]
            async with Crew(stage.orders, _WORKERS) as crew:
                await asyncio.to_thread(_fill, disk / "ballast", _FULL_SECONDS)
                await _revived(cluster)
                await all_done(stage, trials, _PATIENCE)
            counted = await account(stage, trials)
        refused = (cluster.home / "postgres" / "log").read_text(errors="replace").count("No space left on device")
    finally:
        cluster.stop()
    seen = f"the server met a full disk {refused} times, {len(crew.accidents)} workers that ended"
    required = f"{batch} threads on a disk that is full for {_FULL_SECONDS:g} s; no worker ends"
    return [Finding(NAME, required, seen, refused > 0 and not crew.accidents), *findings(NAME, counted)]


def _fill(ballast: Path, seconds: float) -> None:
    """Leave no room for so long, whatever is freed meanwhile."""
    until = time.monotonic() + seconds
    try:
        with ballast.open("wb") as file:
            while time.monotonic() < until:
                _take_all(file.fileno())
                time.sleep(0.05)
    finally:
        ballast.unlink()


def _take_all(file: int) -> None:
    try:
        while True:
            os.write(file, b"\0" * _CHUNK)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


async def _revived(cluster: Cluster) -> None:
    """A server that could not write its log has ended; start it as its operator would."""
    for _ in range(5):
        with suppress(DatabaseUnavailable):
            await asyncio.to_thread(cluster.revive)
            return
        await asyncio.sleep(1)
    cluster.revive()
