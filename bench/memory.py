"""Memory of one worker process that runs many threads at once, each in a model call over real HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import psutil
import uvloop

from bench import model_server, servers
from bench.applications import settings
from bench.figures import Figure, Report, at_most
from bench.waiting import until
from bench.workers import AUTONOMY, worker
from runtime import seo, threads
from runtime.wiring import Application, open_application

THREADS: Final = 200
_PATIENCE: Final = 280.0
"""Seconds for all threads to have read their pages and asked the model; a call may take 300."""
_PEAK: Final = "VmHWM:"


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes resident in the worker: without a thread, with every thread in a model call, and at the most."""

    idle: int
    held: int
    peak: int


async def measure(url: str, home: Path, count: int) -> Memory:
    """`count` threads of the content pipeline, from their search results to their first review."""
    with model_server.serving(held=True) as server:
        given = {**server.settings, "AUTONOMY_MODEL_TIMEOUT": "600"}
        async with open_application(settings(url, home, **given)) as app:
            with worker(AUTONOMY, count, url, home, **given) as process_id:
                await until(lambda: _works(app), "a worker has come up")
                idle = resident(process_id)
                await _start(app, count)
                await until(lambda: _asked(server, count), f"{count} model calls are under way", _PATIENCE)
                held = resident(process_id)
                server.may_answer.set()
                await until(lambda: _all_wait(app, count), "all threads wait for a person", _PATIENCE)
                return Memory(idle, held, peak(process_id))


async def _start(app: Application, count: int) -> None:
    model = (await app.choice()).label
    for sample in islice(cycle(seo.bundled_samples()), count):
        asked = seo.Request(sample["keyword"], sample["locale"], seo.bundled_profile(), None, "bench")
        await threads.start(app, await seo.prepare(app.settings, app.artifacts, model, asked))


async def _works(app: Application) -> bool:
    async with app.pool.connection() as connection:
        cursor = await connection.execute("select exists (select from procrastinate_workers) as here")
        row = await cursor.fetchone()
    return bool(row and row["here"])


async def _asked(server: model_server.ModelServer, count: int) -> bool:
    return server.asked >= count


async def _all_wait(app: Application, count: int) -> bool:
    async with app.pool.connection() as connection:
        cursor = await connection.execute("select count(*) as count from thread where status = 'waiting'")
        row = await cursor.fetchone()
    return bool(row and row["count"] == count)


def resident(process_id: int) -> int:
    return int(psutil.Process(process_id).memory_info().rss)


def peak(process_id: int) -> int:
    """As the kernel kept it; where it keeps none, what there is now."""
    status = Path(f"/proc/{process_id}/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    kept = [int(line.split()[1]) * 1024 for line in lines if line.startswith(_PEAK)]
    return kept[0] if kept else resident(process_id)


def report(found: Memory, count: int) -> Report:
    megabyte = 10**6
    return Report(
        "Memory of a worker",
        (
            f"One process (autonomy worker --concurrency {count}) with {count} threads of the content pipeline, each "
            "with its pages read, all in a model call at the same time: the model server answers none before it has "
            "been asked by all.",
        ),
        (
            Figure("resident, no thread", found.idle / megabyte, "MB"),
            Figure(f"resident, {count} threads in a model call", found.held / megabyte, "MB"),
            Figure("peak, until all wait for a person", found.peak / megabyte, "MB", at_most(600)),
            Figure("peak above no thread, per thread", (found.peak - found.idle) / count / megabyte, "MB"),
        ),
    )


def run() -> Report:
    with servers.plain() as server:
        found = uvloop.run(measure(server.url, server.home / "home", THREADS))
    return report(found, THREADS)
