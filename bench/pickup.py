"""How long a decision waits for an idle worker: from the decision's event to the lease it caused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvloop

from bench import asking_domain, servers
from bench.applications import settings
from bench.figures import Figure, Report, at_most, percentile
from bench.waiting import until
from bench.workers import ASKING, PARTS, worker
from runtime import threads
from runtime.wiring import Application, open_application

THREADS: Final = 5
DECISIONS: Final = 60
PERSON: Final = threads.Person("bench")


async def measure(url: str, home: Path, count: int, decisions: int) -> list[float]:
    """Seconds from each of `decisions` to its pickup, on `count` threads after one of each that is not counted."""
    with worker(ASKING, 8, url, home):
        async with open_application(settings(url, home), PARTS) as app:
            model = (await app.choice()).label
            started = [
                await threads.start(app, await asking_domain.prepare(app.artifacts, model)) for _ in range(count)
            ]
            for thread_id in started:
                await _idle(app, thread_id)
                await pickup(app, thread_id)
            return [await pickup(app, started[number % count]) for number in range(decisions)]


async def pickup(app: Application, thread_id: str) -> float:
    """Decide on what waits; seconds until a worker had the lease. Returns when the thread waits again."""
    [review] = [row for row in await app.reviews.waiting(thread_id) if row["state"] == "open"]
    await threads.decide(app, review["number"], "approve", PERSON)
    await _idle(app, thread_id)
    timeline = await app.threads.timeline(thread_id)
    decided = next(said for said in reversed(timeline) if said.kind == "review_decided")
    taken = next(said for said in timeline if said.seq > decided.seq and said.kind == "lease_taken")
    return float((taken.at - decided.at).total_seconds())


async def _idle(app: Application, thread_id: str) -> None:
    """Until the thread waits for a person again and nobody runs it or is about to."""

    async def idle() -> bool:
        async with app.pool.connection() as connection:
            cursor = await connection.execute(
                "select exists (select from thread where id = %(id)s and status = 'waiting' and lease_owner is null)"
                " and exists (select from review where thread_id = %(id)s and state = 'open')"
                " and not exists (select from review where thread_id = %(id)s and state = 'decided')"
                " and not exists (select from procrastinate_jobs where status in ('todo', 'doing')) as idle",
                {"id": thread_id},
            )
            row = await cursor.fetchone()
        return bool(row and row["idle"])

    await until(idle, f"thread {thread_id} waits for a person")


def report(seconds: Sequence[float]) -> Report:
    return Report(
        "Pickup: from a decision to its run",
        (
            f"{len(seconds)} decisions, one after another, on {THREADS} threads of a domain that only asks; an idle "
            "worker process beside the one that decides.",
            "From the time in the decision's event, inside its transaction, to the time in the lease's.",
        ),
        (
            Figure("pickup, p50", percentile(seconds, 0.5) * 1000, "ms"),
            Figure("pickup, p95", percentile(seconds, 0.95) * 1000, "ms", at_most(100)),
            Figure("pickup, longest", max(seconds) * 1000, "ms"),
        ),
    )


def run() -> Report:
    with servers.plain() as server:
        return report(uvloop.run(measure(server.url, server.home / "home", THREADS, DECISIONS)))
