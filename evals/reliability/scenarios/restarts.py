"""The database restarts the hard way, or cuts every connection, while a batch is worked on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from evals.reliability.account import account, all_done, findings
from evals.reliability.crew import Crew
from evals.reliability.effect_server import Act
from evals.reliability.report import Finding, percentile, spread
from evals.reliability.stage import Stage, Trial, one_of_each, step, until
from evals.reliability.theatre import Size, Theatre

PICKUP_SECONDS: Final = 1.5
_WORKERS: Final = 2
_EACH: Final = 40
"""Threads that a worker runs at once: so many that a queued one need not wait for another to end."""
_PATIENCE: Final = 300.0
_SLOW: Final = Act(act="delay", at="received", seconds=0.5)


async def run(theatre: Theatre, size: Size) -> list[Finding]:
    restart, cut = theatre.cluster.restart, theatre.cluster.cut
    rounds = 4 if size.timed else 1
    restarts = Interruption("restarts", "database restarts", size.batch, size.restarts, rounds, restart)
    cuts = Interruption("cuts", "connections cut", size.batch // 2, size.cuts, rounds, cut)
    return [found for each in (restarts, cuts) for found in await _interrupted(theatre, each, timed=size.timed)]


@dataclass(frozen=True, slots=True)
class Interruption:
    """What is done how often to the database during a batch of so many threads."""

    name: str
    what: str
    batch: int
    times: int
    rounds: int
    act: Callable[[], object]


async def _interrupted(theatre: Theatre, each: Interruption, *, timed: bool) -> list[Finding]:
    async with theatre.stage(each.name) as stage:
        trials = [await slow_thread(stage, each.rounds) for _ in range(each.batch)]
        async with Crew(replace(stage.orders, concurrency=_EACH), _WORKERS) as crew:
            pickups = await _interrupt(stage, trials, each)
            await all_done(stage, trials, _PATIENCE)
        counted = await account(stage, trials)
    seen = f"{len(pickups)} times, {counted.threads} threads, {len(crew.accidents)} workers that ended"
    required = f"{each.times} times with {each.batch} threads in hand; no worker ends"
    found = [Finding(each.what, required, seen, len(pickups) == each.times and not crew.accidents)]
    if timed:
        required = f"a thread that is queued on recovery is taken up within {PICKUP_SECONDS:g} s (p95)"
        found.append(Finding(each.what, required, spread(pickups), percentile(pickups, 0.95) <= PICKUP_SECONDS))
    return [*found, *findings(each.what, counted)]


async def slow_thread(stage: Stage, rounds: int) -> Trial:
    """A thread that takes two seconds a round, so that a batch outlasts what is done to it."""
    steps = tuple(each for _ in range(rounds) for each in one_of_each())
    for each in steps:
        stage.far.plan(each.target, *[_SLOW] * 3)
    return await stage.start(steps)


async def _interrupt(stage: Stage, trials: list[Trial], each: Interruption) -> list[float]:
    """Seconds from each recovery until a worker took up a thread that was queued then."""
    pickups: list[float] = []
    await _taken_up(stage, trials[0])
    for _ in range(each.times):
        await asyncio.sleep(random.uniform(0.1, 1.0))  # noqa: S311 - the instant is the scenario
        await _top_up(stage, trials, each)
        await asyncio.to_thread(each.act)
        await until(partial(_answers, stage, trials), _PATIENCE, "the database answers")
        trials.append(await stage.start((step("put"),)))
        queued = datetime.now(UTC)
        pickups.append((await _taken_up(stage, trials[-1]) - queued).total_seconds())
    return pickups


async def _top_up(stage: Stage, trials: list[Trial], each: Interruption) -> None:
    """There is work in hand all the time."""
    unfinished = sum(status != "done" for status in (await stage.statuses(trials)).values())
    if unfinished < each.batch / 2:
        trials += [await slow_thread(stage, each.rounds) for _ in range(each.batch - unfinished)]


async def _answers(stage: Stage, trials: list[Trial]) -> bool:
    return len(await stage.statuses(trials)) == len(trials)


async def _taken_up(stage: Stage, trial: Trial) -> datetime:
    """When a worker first took up a thread."""
    taken: list[datetime] = []

    async def took() -> bool:
        found = await stage.rows(
            "select min(at) as at from event where kind = 'lease_taken' and thread_id = %s", trial.thread_id
        )
        taken.extend(row["at"] for row in found if row["at"])
        return bool(taken)

    await until(took, _PATIENCE, "a worker takes up a thread")
    return taken[0]
