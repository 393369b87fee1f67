"""SIGKILL at random instants while a batch is worked on; every killed worker is replaced at once."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from evals.reliability.account import account, all_done, answer, findings
from evals.reliability.crew import Crew
from evals.reliability.report import Finding
from evals.reliability.stage import Stage, Trial, one_of_each
from evals.reliability.theatre import Size, Theatre

NAME: Final = "random kills"
_WORKERS: Final = 2
_AT_ONCE: Final = 12
"""Threads that are kept going until the last kill."""
_LONGEST_LIFE: Final = 1.0
_PATIENCE: Final = 300.0


async def run(theatre: Theatre, size: Size) -> list[Finding]:
    async with theatre.stage("random_kills") as stage:
        trials: list[Trial] = []
        async with Crew(stage.orders, _WORKERS) as crew:
            killed = await _kill(stage, crew, trials, size.kills)
            await all_done(stage, trials, _PATIENCE)
        counted = await account(stage, trials)
    seen = f"{killed} kills, {counted.threads} threads, {len(crew.accidents)} workers that ended otherwise"
    return [Finding(NAME, f"{size.kills} kills at random instants", seen, not crew.accidents), *findings(NAME, counted)]


async def _kill(stage: Stage, crew: Crew, trials: list[Trial], kills: int) -> int:
    """Kill a worker that has lived for a random while, again and again, with threads in hand all the time."""
    for killed in range(kills):
        unfinished = sum(status != "done" for status in (await stage.statuses(trials)).values())
        for _ in range(_AT_ONCE - unfinished):
            trials.append(await stage.start(one_of_each()))
        if killed % 10 == 0:
            await answer(stage, trials)
        await asyncio.sleep(random.uniform(0.05, _LONGEST_LIFE))  # noqa: S311 - the instant is the scenario
        crew.kill(random.choice(crew.pids))  # noqa: S311
    return kills
