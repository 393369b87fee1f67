"""A worker of the eval: the production worker over parts that break. `python -m evals.reliability.worker ORDERS`."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import uvloop

from core.vocabulary import Environment
from evals.reliability.fuses import Fuses
from evals.reliability.parts import breaking
from runtime.settings import Settings
from runtime.wiring import open_application
from runtime.worker import work


@dataclass(frozen=True, slots=True)
class Orders:
    """All a worker is told. `home` holds the fuses and the logs."""

    url: str
    home: str
    concurrency: int = 4
    environment: Environment = "local"

    @property
    def log(self) -> Path:
        """What workers say, each line beginning with the worker's process id."""
        return Path(self.home, "worker.log")

    def said_by(self, pid: int) -> list[str]:
        """The lines of one worker."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if line.startswith(f"{pid} ")]

    @property
    def fuses(self) -> Fuses:
        folder = Path(self.home, "fuses")
        folder.mkdir(parents=True, exist_ok=True)
        return Fuses(folder)

    @property
    def settings(self) -> Settings:
        """Offline, nothing of this machine's, everything below `home`."""
        given = {
            "DATABASE_URL": self.url,
            "AUTONOMY_HOME": self.home,
            "AUTONOMY_ENVIRONMENT": self.environment,
            "AUTONOMY_MODEL": "offline-extractive",
            "AUTONOMY_DDGS": "off",
            "AUTONOMY_PROBE_LOCAL_MODELS": "false",
            "OPENAI_API_KEY": "",
            "OPENAI_BASE_URL": "",
        }
        return Settings(_env_file=None, **given)  # type: ignore[arg-type]  # read like the environment's words


def serve(orders: Orders) -> None:
    """Run until SIGTERM, what is said going to the log; end with the process that started this one."""
    with orders.log.open("a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    uvloop.run(run(orders))


async def run(orders: Orders) -> None:
    """The production worker over breaking parts, until SIGTERM."""
    fuses = orders.fuses
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)

    def report(thread_id: str, outcome: str) -> None:
        fuses.reach(thread_id, "before job finish", "")
        print(os.getpid(), thread_id, outcome, flush=True)

    async with open_application(orders.settings, breaking(fuses)) as app:
        await work(app, concurrency=orders.concurrency, stopped=stopped, report=report)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    uvloop.run(run(Orders(**json.loads(sys.argv[1]))))
