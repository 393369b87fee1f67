"""The far side asks to be left alone for five minutes: the thread waits in the database, no worker waits with it."""

from __future__ import annotations

from typing import Any, Final

from evals.reliability.account import account, all_done, findings
from evals.reliability.crew import Crew
from evals.reliability.effect_server import Act
from evals.reliability.report import Finding
from evals.reliability.stage import Stage, Trial, step
from evals.reliability.theatre import Size, Theatre

NAME: Final = "postponement"
ASKED: Final = 300
_REFUSALS: Final = 3
"""More than one, since a call whose answer came too late is made again."""
_PATIENCE: Final = 60.0
_TOOLS: Final = ("look", "put", "file", "send")


async def run(theatre: Theatre, size: Size) -> list[Finding]:
    async with theatre.stage("postponed") as stage:
        trials = [await _turned_away(stage, tool) for tool in _TOOLS]
        async with Crew(stage.orders, 1) as crew:
            waits = await _postponed(stage, trials)
            idle = await _idle(stage)
            other = await stage.start((step("put"),))
            await all_done(stage, [other], _PATIENCE)
            still = await _queued(stage, trials)
            await _relent(stage, trials)
            await all_done(stage, trials, _PATIENCE)
        counted = await account(stage, [*trials, other])
    near = all(ASKED - _PATIENCE <= wait <= ASKED for wait in waits)
    return [
        Finding(NAME, f"429 with Retry-After: {ASKED} queues the thread until then",
                f"{len(waits)} of {len(trials)} queued, waking in {min(waits):.0f} to {max(waits):.0f} s", near),
        Finding(NAME, "no lease, no connection and no worker is held meanwhile",
                f"{idle}; another thread ran, {len(still)} of {len(trials)} still queued",
                idle == "0 leases, 0 transactions" and len(still) == len(trials) and not crew.accidents),
        *findings(NAME, counted),
    ]  # fmt: skip


async def _turned_away(stage: Stage, tool: str) -> Trial:
    """A thread whose first call is answered 429, until the far side relents."""
    first = step(tool)
    refusal = Act(act="status", at="received", status=429, retry_after=ASKED)
    stage.far.plan(first.target, *[refusal] * _REFUSALS)
    return await stage.start((first, step("note")))


async def _relent(stage: Stage, trials: list[Trial]) -> None:
    """All are answered as they should be from now on, and asked now instead of later."""
    for trial in trials:
        stage.far.plan(trial.steps[0].target)
    await stage.hasten()


async def _queued(stage: Stage, trials: list[Trial]) -> list[dict[str, Any]]:
    return await stage.rows(
        "select id, extract(epoch from wake_at - now())::float8 as wait from thread"
        " where id = any(%s) and status = 'queued' and wake_at > now() and lease_until is null",
        [trial.thread_id for trial in trials],
    )


async def _postponed(stage: Stage, trials: list[Trial]) -> list[float]:
    """Until all are queued for later; the seconds until each wakes."""

    async def queued() -> bool:
        return len(await _queued(stage, trials)) == len(trials)

    await stage.wait(trials, queued, _PATIENCE, "threads postponed")
    return [row["wait"] for row in await _queued(stage, trials)]


async def _idle(stage: Stage) -> str:
    [row] = await stage.rows(
        "select (select count(*) from thread where lease_until is not null) as leases,"
        " (select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        "  and state like %s and state_change < now() - interval '2 seconds') as transactions",
        "idle in transaction%",
    )
    return f"{row['leases']} leases, {row['transactions']} transactions"
