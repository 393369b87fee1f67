"""Worker processes for a measurement. As a program: a worker of runtime/worker.py that knows the asking domain too."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvloop

from bench import asking_domain
from bench.applications import environment
from runtime.settings import read_settings
from runtime.wiring import DOMAINS, Parts, open_application

ASKING: Final = (sys.executable, "-m", "bench.workers")
"""Takes the number of threads it may run at once."""
AUTONOMY: Final = (sys.executable, "-m", "cli.main", "worker", "--concurrency")
"""The command that people run, with its last option open."""
PARTS: Final = Parts(domains={**DOMAINS, asking_domain.NAME: lambda: sys.modules[asking_domain.__name__]})


@contextmanager
def worker(command: Sequence[str], concurrency: int, url: str, home: Path, **changes: str) -> Iterator[int]:
    """A worker while the context lasts; its process id."""
    with subprocess.Popen(  # noqa: S603  a module of this very project
        [*command, str(concurrency)],
        env=environment(url, home, **changes),
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGKILL)


async def work(concurrency: int) -> None:
    from runtime.worker import work as until_stopped

    async with open_application(read_settings(), PARTS) as app:
        await until_stopped(app, concurrency=concurrency, stopped=asyncio.Event(), report=_said)


def _said(thread_id: str, said: str) -> None:
    if said not in ("waiting", "done"):
        print(f"{thread_id}: {said}", file=sys.stderr)


if __name__ == "__main__":
    uvloop.run(work(int(sys.argv[1])))
