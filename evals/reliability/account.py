"""What became of the threads of a scenario, and the operator who answers what nobody can know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.events import first_break
from evals.reliability import domain
from evals.reliability.far_side import Counts
from evals.reliability.report import Finding
from evals.reliability.stage import OPERATOR, Stage, Trial
from runtime import threads

_OUTSIDE: Final = {"put": "idempotent", "file": "queryable", "send": "unsafe"}
"""Tools whose effects the effect server counts, and as what."""


@dataclass(frozen=True, slots=True)
class Account:
    """Counted over all trials. Every list names the targets or threads that are not as they must be."""

    effects: int
    twice: tuple[str, ...]
    missing: tuple[str, ...]
    threads: int
    unfinished: tuple[str, ...]
    broken_chains: tuple[str, ...]
    results_twice: tuple[str, ...]
    forked: tuple[str, ...]

    @property
    def effects_once(self) -> bool:
        return not self.twice and not self.missing

    @property
    def whole(self) -> bool:
        return not (self.unfinished or self.broken_chains or self.results_twice or self.forked)


async def account(stage: Stage, trials: Sequence[Trial]) -> Account:
    """Count, once everything has come to rest."""
    counts, revisions = stage.far.counts(), await _revisions(stage, trials)
    times = {step.target: _times(trial, step.tool, step.target, counts, revisions) for trial, step in _writing(trials)}
    statuses = await stage.statuses(trials)
    chains, results = [], []
    for trial in trials:
        timeline = await stage.app.threads.timeline(trial.thread_id)
        if first_break(timeline) is not None or not timeline:
            chains.append(trial.thread_id)
        made = Counter(name for stored in timeline if stored.kind == "tool_result" for name in stored.body["results"])
        if made != Counter(step.target for step in trial.steps):
            results.append(trial.thread_id)
    return Account(
        effects=len(times),
        twice=tuple(target for target, count in times.items() if count > 1),
        missing=tuple(target for target, count in times.items() if count == 0),
        threads=len(trials),
        unfinished=tuple(trial.thread_id for trial in trials if statuses.get(trial.thread_id) != "done"),
        broken_chains=tuple(chains),
        results_twice=tuple(results),
        forked=await _forked(stage, trials),
    )


def findings(scenario: str, counted: Account) -> list[Finding]:
    """The two requirements that every scenario ends with."""
    once = counted.effects - len(counted.twice) - len(counted.missing)
    effects = f"{once} of {counted.effects} once, {len(counted.twice)} repeated, {len(counted.missing)} missing"
    kept = (
        f"{counted.threads - len(counted.unfinished)} of {counted.threads} done, {len(counted.broken_chains)} broken "
        f"chains, {len(counted.results_twice)} with doubled or lost results, {len(counted.forked)} forked"
    )
    return [
        Finding(scenario, "each effect once", effects, counted.effects_once),
        Finding(
            scenario, "no thread lost, chains hold, each result once, one line of checkpoints", kept, counted.whole
        ),
    ]


async def at_rest(stage: Stage, trials: Sequence[Trial], seconds: float) -> None:
    """Until every thread is done or waits for a person. Raises Overdue."""

    async def rested() -> bool:
        return set((await stage.statuses(trials)).values()) <= {"done", "waiting"}

    await stage.wait(trials, rested, seconds, "threads at rest")


async def all_done(stage: Stage, trials: Sequence[Trial], seconds: float) -> None:
    """Until every thread is done, the operator answering what is asked. Raises Overdue."""

    async def done() -> bool:
        await answer(stage, trials)
        return set((await stage.statuses(trials)).values()) == {"done"}

    await stage.wait(trials, done, seconds, "all threads done")


async def answer(stage: Stage, trials: Sequence[Trial]) -> int:
    """As an operator who looks at the far side's books, and gets blockers out of the way; how many were answered."""
    asked = await stage.open_reviews(trials)
    if not asked:
        return 0
    keys = {target: key for trial in trials for target, key in trial.keys.items()}
    books = stage.far.counts().effects.get("unsafe", {})
    for row in asked:
        word = "hand_back"
        if row["kind"] == "unknown_effect":
            word = "happened" if books.get(keys[target_of(row)]) else "did_not_happen"
        await threads.decide(stage.app, row["number"], "respond", OPERATOR, message=word)
    return len(asked)


def target_of(review: dict[str, Any]) -> str:
    """The target of the action that a review is about; what it says, if it is about none."""
    arguments = review["request"]["action_requests"][0]["args"]
    return str(arguments.get("target") or review["request"]["why"])


def _writing(trials: Sequence[Trial]) -> list[tuple[Trial, Any]]:
    return [(trial, step) for trial in trials for step in trial.steps if domain.TOOLS[step.tool].tier != "read-only"]


def _times(trial: Trial, tool: str, target: str, counts: Counts, revisions: dict[tuple[str, str], int]) -> int:
    if tool == "note":
        return revisions.get((trial.thread_id, target), 0)
    return counts.effects.get(_OUTSIDE[tool], {}).get(trial.keys[target], 0)


async def _revisions(stage: Stage, trials: Sequence[Trial]) -> dict[tuple[str, str], int]:
    found = await stage.rows(
        "select thread_id, name, max(revision) as last from document where thread_id = any(%s) group by 1, 2",
        [trial.thread_id for trial in trials],
    )
    return {(row["thread_id"], row["name"]): row["last"] for row in found}


async def _forked(stage: Stage, trials: Sequence[Trial]) -> tuple[str, ...]:
    """Threads with a checkpoint of which two go on, or with two beginnings."""
    found = await stage.rows(
        "select distinct thread_id from (select thread_id from checkpoints where thread_id = any(%s)"
        " group by thread_id, checkpoint_ns, parent_checkpoint_id having count(*) > 1) as forks",
        [trial.thread_id for trial in trials],
    )
    return tuple(row["thread_id"] for row in found)
