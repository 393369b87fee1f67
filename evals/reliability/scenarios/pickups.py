"""kill -9 of workers in the middle of a call: another has their threads running again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from evals.reliability.account import account, all_done, findings
from evals.reliability.crew import Crew
from evals.reliability.effect_server import Act
from evals.reliability.report import Finding, percentile, spread
from evals.reliability.stage import Stage, Trial, step
from evals.reliability.theatre import Size, Theatre

NAME: Final = "pickup after kill -9"
SECONDS: Final = 10.0
_WORKERS: Final = 6
_EACH: Final = 2
"""Threads that a worker has in hand."""
_HANG_SECONDS: Final = 12.0
_PATIENCE: Final = 120.0


async def run(theatre: Theatre, size: Size) -> list[Finding]:
    pickups: list[float] = []
    kills = 0
    async with theatre.stage("pickups") as stage:
        trials: list[Trial] = []
        async with Crew(stage.orders, _WORKERS) as crew:
            while kills < size.pickups:
                batch = [await _hanging(stage) for _ in range(_WORKERS * _EACH)]
                trials += batch
                await _all_hang(stage, batch)
                doomed = crew.pids[: min(_WORKERS - 1, size.pickups - kills)]
                pickups += await _kill(stage, crew, batch, doomed)
                kills += len(doomed)
                await all_done(stage, batch, _PATIENCE)
        counted = await account(stage, trials)
    return [
        Finding(NAME, f"after {size.pickups} kills, threads run again elsewhere within {SECONDS:g} s (p95)",
                spread(pickups), percentile(pickups, 0.95) <= SECONDS and not crew.accidents),
        *findings(NAME, counted),
    ]  # fmt: skip


async def _hanging(stage: Stage) -> Trial:
    """A thread whose first call takes its time the first time."""
    hanging = step("stall")
    stage.far.plan(hanging.target, Act(act="delay", at="received", seconds=_HANG_SECONDS))
    return await stage.start((hanging, step("note")))


async def _all_hang(stage: Stage, batch: Sequence[Trial]) -> None:
    async def hang() -> bool:
        requests = stage.far.counts().requests
        return all(requests.get(trial.steps[0].target) for trial in batch)

    await stage.wait(batch, hang, _PATIENCE, "threads hang in a call")


async def _kill(stage: Stage, crew: Crew, batch: Sequence[Trial], doomed: Sequence[int]) -> list[float]:
    """Seconds from the kill until each thread of a killed worker had a new runner."""
    owned = await stage.rows(
        "select id, epoch, lease_owner from thread where id = any(%s)", [trial.thread_id for trial in batch]
    )
    orphans = {row["id"]: row["epoch"] for row in owned if _pid(row["lease_owner"]) in doomed}
    killed = datetime.now(UTC)
    for pid in doomed:
        crew.kill(pid)
    taken: dict[str, datetime] = {}

    async def all_taken() -> bool:
        found = await stage.rows(
            "select thread_id, min(at) as at from event where kind = 'lease_taken' and at > %s and thread_id = any(%s)"
            " group by thread_id",
            killed,
            list(orphans),
        )
        taken.update({row["thread_id"]: row["at"] for row in found})
        return len(taken) == len(orphans)

    await stage.wait(batch, all_taken, _PATIENCE, "orphaned threads have a new runner")
    return [(at - killed).total_seconds() for at in taken.values()]


def _pid(owner: str | None) -> int:
    """An owner ends in its process id."""
    return int((owner or ":0").rpartition(":")[2])
