"""Worker processes that are killed and started again. They are forked from a process that has imported everything."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from types import TracebackType
from typing import Final, Self

from evals.reliability.worker import Orders, serve

_CONTEXT: Final = multiprocessing.get_context("forkserver")
_DRAIN_SECONDS: Final = 20.0
_PRELOADED: Final = (
    serve.__module__,
    "evals.reliability.adapters",
    "evals.reliability.planner",
    "policy.gate",
    "purgatory",
    "runtime.chat_model",
    "runtime.running",
    "runtime.versions",
    "stamina",
    "store.job_loop",
    "anyio._backends._asyncio",
)
"""What a worker imports sooner or later, so that the next one after a kill is there at once."""


class Crew:
    """`count` workers under the same orders; one that was killed is replaced at once, unless told not to."""

    def __init__(self, orders: Orders, count: int, *, replaced: bool = True) -> None:
        _CONTEXT.set_forkserver_preload(list(_PRELOADED))
        self._orders = orders
        self._replaced = replaced
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._workers = [self._spawn() for _ in range(count)]
        self._watcher = threading.Thread(target=self._watch, name="crew", daemon=True)
        self.deaths = 0
        self.accidents: list[str] = []
        """Workers that ended without being killed."""

    async def __aenter__(self) -> Self:
        self._watcher.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        """Let all drain; who does not is killed."""
        self._ended.set()
        self._watcher.join()
        for worker in self._workers:
            worker.terminate()
        until = time.monotonic() + _DRAIN_SECONDS
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))
            if worker.exitcode is None:
                worker.kill()
                worker.join()
                self.accidents.append("a worker did not drain")

    @property
    def pids(self) -> list[int]:
        """Of the workers that live."""
        with self._lock:
            return [worker.pid for worker in self._workers if worker.pid is not None and worker.exitcode is None]

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def add(self) -> None:
        with self._lock:
            self._workers.append(self._spawn())

    def _spawn(self) -> ForkServerProcess:
        worker = _CONTEXT.Process(target=serve, args=(self._orders,))
        worker.start()
        return worker

    def _watch(self) -> None:
        while not self._ended.is_set():
            with self._lock:
                sentinels = [worker.sentinel for worker in self._workers]
            if wait(sentinels, timeout=0.1):
                self._replace()

    def _replace(self) -> None:
        with self._lock:
            gone = [worker for worker in self._workers if worker.exitcode is not None]
            for worker in gone:
                self._workers.remove(worker)
                if worker.exitcode == -signal.SIGKILL:
                    self.deaths += 1
                else:
                    self.accidents.append(f"a worker ended with exit code {worker.exitcode}")
                if self._replaced:
                    self._workers.append(self._spawn())
