"""Two runners for one thread at once, and decisions that come while a runner lets go of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from core.errors import AlreadyDecided, BadInput, StaleDecision, ThreadBusy
from evals.reliability.account import account, findings
from evals.reliability.crew import Crew
from evals.reliability.parts import breaking
from evals.reliability.report import Finding
from evals.reliability.stage import OPERATOR, Stage, Trial, step
from evals.reliability.theatre import Size, Theatre
from runtime import threads
from runtime.wiring import Application, open_application
from store.database import Pool
from store.threads import Lease, ThreadStore

NAME: Final = "double resumes"
_AT_ONCE: Final = 25
_PATIENCE: Final = 300.0


class DecidingStore(ThreadStore):
    """Lets the operator decide what waits just before a lease is given back: the narrowest moment there is."""

    def __init__(self, pool: Pool, app: Application) -> None:
        super().__init__(pool)
        self._app = app
        self.decided = 0

    async def release(self, lease: Lease) -> bool:
        for review in await self._app.reviews.waiting(lease.thread_id):
            if review["state"] == "open" and await approve(self._app, review["number"]):
                self.decided += 1
        return await super().release(lease)


async def run(theatre: Theatre, size: Size) -> list[Finding]:
    # In staging every write is approved by a person: each thread pauses twice, and is resumed twice.
    async with theatre.stage("double_resumes", "staging") as stage:
        async with open_application(stage.orders.settings, breaking(stage.orders.fuses)) as second:
            trials = [await stage.start((step("put"), step("send"))) for _ in range(-(-size.doubles // 3))]
            doubles, strange = await _double_all(stage, second, trials)
        released = await _fresh(stage, max(4, size.doubles // 10))
        decided = await _decide_during_release(stage, released)
        taken_up = sum(status == "done" for status in (await stage.statuses(released)).values())
        jobs = await _waiting_jobs(stage)
        async with Crew(stage.orders, 1) as crew:
            await _none_left(stage, [*trials, *released])
        counted = await account(stage, [*trials, *released])
    return [
        Finding(NAME, f"{size.doubles} double resumes; the second runner is told that it is not needed",
                f"{doubles} double resumes, {len(strange)} other errors{': ' + strange[0] if strange else ''}",
                doubles >= size.doubles and not strange),
        Finding(NAME, "a decision that comes during a release is taken up by the runner that was letting go",
                f"{decided} decisions during a release, {taken_up} of {len(released)} threads done without a worker",
                decided == 2 * len(released) and taken_up == len(released) and not crew.accidents),
        Finding(NAME, "however often a thread is woken, one job at most waits for it",
                f"{len(jobs)} threads with jobs, at most {max(jobs, default=0)} each", max(jobs, default=0) == 1),
        *findings(NAME, counted),
    ]  # fmt: skip


async def approve(app: Application, number: int) -> bool:
    """False when someone else was first."""
    try:
        await threads.decide(app, number, "approve", OPERATOR)
    except (AlreadyDecided, StaleDecision):
        return False
    return True


async def _double_all(stage: Stage, second: Application, trials: Sequence[Trial]) -> tuple[int, list[str]]:
    """Take every thread to its end by double resumes; (how many, errors that are no refusal)."""
    strange: list[str] = []
    doubles = 0
    gate = asyncio.Semaphore(_AT_ONCE)

    async def walk(trial: Trial) -> None:
        nonlocal doubles
        async with gate:
            for _ in range(len(trial.steps) + 1):
                strange.extend(await _double(stage.app, second, trial))
                doubles += 1
                for review in await stage.open_reviews([trial]):
                    await approve(stage.app, review["number"])

    await asyncio.gather(*map(walk, trials))
    return doubles, strange


async def _double(first: Application, second: Application, trial: Trial) -> list[str]:
    """Advance a thread twice at the same time; errors that are no refusal."""
    both = (threads.advance(app, trial.thread_id) for app in (first, second))
    answers = await asyncio.gather(*both, return_exceptions=True)
    return [repr(each) for each in answers if isinstance(each, BaseException) and not _refusal(each)]


def _refusal(error: BaseException) -> bool:
    """Busy, or already at its end: said to the one who came second."""
    return isinstance(error, ThreadBusy | BadInput)


async def _fresh(stage: Stage, count: int) -> list[Trial]:
    return [await stage.start((step("put"), step("file"))) for _ in range(count)]


async def _decide_during_release(stage: Stage, trials: Sequence[Trial]) -> int:
    """Run each thread by a runner whose every release meets a decision; returns how many did."""
    store = DecidingStore(stage.app.pool, stage.app)
    deciding: Any = replace(stage.app, threads=store)
    for trial in trials:
        with suppress(ThreadBusy):
            await threads.advance(deciding, trial.thread_id)
    return store.decided


async def _none_left(stage: Stage, trials: Sequence[Trial]) -> None:
    """Until all threads are done, with everything decided. Raises Overdue."""

    async def done() -> bool:
        for review in await stage.open_reviews(trials):
            await approve(stage.app, review["number"])
        return set((await stage.statuses(trials)).values()) == {"done"}

    await stage.wait(trials, done, _PATIENCE, "threads done after all decisions")


async def _waiting_jobs(stage: Stage) -> list[int]:
    """How many jobs wait for each thread that has any."""
    found = await stage.rows(
        "select count(*) as jobs from procrastinate_jobs where status = 'todo' group by args ->> 'thread_id'"
    )
    return [row["jobs"] for row in found]
