"""A far side that answers badly, late or not at all, before and after taking effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from evals.reliability.account import account, all_done, findings, target_of
from evals.reliability.crew import Crew
from evals.reliability.effect_server import Act
from evals.reliability.report import Finding
from evals.reliability.stage import Stage, Trial, step
from evals.reliability.theatre import Size, Theatre

NAME: Final = "bad answers"
_TOOLS: Final = ("put", "file", "send")
_ODD: Final = Act(act="odd", at="applied")
_UNCLEAR: Final[tuple[Act, ...]] = (
    Act(act="reset", at="received"),
    Act(act="reset", at="applied"),
    Act(act="status", at="received", status=500),
    Act(act="status", at="applied", status=500),
    Act(act="silence", at="received"),
    Act(act="silence", at="applied"),
    _ODD,
)
"""After which nobody can tell from the answer whether the call took effect."""
_CLEAR: Final[tuple[Act, ...]] = (
    Act(act="status", at="received", status=429, retry_after=1),
    Act(act="delay", at="applied", seconds=1.0),
)
_PATIENCE: Final = 180.0


async def run(theatre: Theatre, size: Size) -> list[Finding]:
    async with theatre.stage("answers") as stage:
        unclear = [await _answered(stage, tool, act) for act in _UNCLEAR for tool in _TOOLS]
        clear = [await _answered(stage, tool, act) for act in _CLEAR for tool in _TOOLS]
        expected = {trial.steps[0].target for trial in unclear if trial.steps[0].tool == "send"}
        expected |= {trial.steps[0].target for trial in unclear[-len(_TOOLS) :]}
        # Several workers, so that no breaker opens: each has seen but a few failures in a row.
        async with Crew(replace(stage.orders, concurrency=1), 4) as crew:
            asked = await _asked(stage, [*unclear, *clear])
            await all_done(stage, [*unclear, *clear], _PATIENCE)
        counted = await account(stage, [*unclear, *clear])
    seen = f"{len(asked & expected)} of {len(expected)} wait, {len(asked - expected)} others wait"
    required = "an unsafe call without a clear answer and any odd answer wait for a person, nothing else does"
    return [Finding(NAME, required, seen, asked == expected and not crew.accidents), *findings(NAME, counted)]


async def _answered(stage: Stage, tool: str, act: Act) -> Trial:
    """A thread whose first call meets `act` once."""
    first = step(tool)
    stage.far.plan(first.target, act)
    return await stage.start((first, step("note")))


async def _asked(stage: Stage, trials: list[Trial]) -> set[str]:
    """What a person is asked about, once every thread is done or waits."""

    async def rested() -> bool:
        await stage.hasten()
        return set((await stage.statuses(trials)).values()) <= {"done", "waiting"}

    await stage.wait(trials, rested, _PATIENCE, "threads at rest")
    return {target_of(review) for review in await stage.open_reviews(trials)}
