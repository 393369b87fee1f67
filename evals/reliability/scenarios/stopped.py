"""Workers that stop without dying: by SIGSTOP, and by a call that blocks their event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import replace
from typing import Final

import psutil

from evals.reliability.account import account, all_done, findings
from evals.reliability.crew import Crew
from evals.reliability.effect_server import MODEL, Act
from evals.reliability.report import Finding
from evals.reliability.stage import Stage, Trial, step, until
from evals.reliability.theatre import Size, Theatre

NAME: Final = "stopped workers"
_WORKERS: Final = 3
_PATIENCE: Final = 120.0
_PATIENT_BLOCK: Final = 12.0
"""Inside the deadline of `stall`, 20 s."""
_HOPELESS_BLOCK: Final = 28.0
"""Beyond the deadline of `stall_briefly`, 1 s, the 10 s of patience and the 5 s of the lease."""


async def run(theatre: Theatre, size: Size) -> list[Finding]:
    async with theatre.stage("stopped") as stage:
        trials = [await _stopping(stage, in_model_call=True), await _stopping(stage, in_model_call=False)]
        found = await _stop(stage, trials, size.stopped_seconds)
        if size.timed:
            blocked = [await _blocking(stage, "stall", _PATIENT_BLOCK)]
            blocked.append(await _blocking(stage, "stall_briefly", _HOPELESS_BLOCK))
            found += await _block(stage, blocked)
            trials += blocked
        return [*found, *findings(NAME, await account(stage, trials))]


async def _stopping(stage: Stage, *, in_model_call: bool) -> Trial:
    """A thread whose worker is stopped while it waits for the planner, or for the answer of a call that was applied."""
    fatal = step("put", asks=in_model_call)
    at = "received" if in_model_call else "applied"
    act = Act(act="signal", at="received" if in_model_call else "applied", signal="STOP")
    stage.far.plan(MODEL + fatal.target if at == "received" else fatal.target, act)
    return await stage.start((fatal, step("put"), step("note")))


async def _stop(stage: Stage, trials: list[Trial], seconds: float) -> list[Finding]:
    async with Crew(stage.orders, _WORKERS) as crew:
        began = time.monotonic()
        await all_done(stage, trials, _PATIENCE)
        stopped = [pid for pid in crew.pids if psutil.Process(pid).status() == psutil.STATUS_STOPPED]
        await asyncio.sleep(max(0.0, seconds - (time.monotonic() - began)))
        before = await _ends(stage, trials)
        woken = [await _wake(stage, pid) for pid in stopped]
        unchanged = await _ends(stage, trials) == before
    seen = (
        f"{len(trials)} threads done while {len(stopped)} workers were stopped; on waking {sum(woken)} gave up, "
        f"{'nothing was stored' if unchanged else 'MORE WAS STORED'}"
    )
    required = f"a worker stopped for {seconds:g} s in a model call or a tool call is replaced, then fenced"
    return [Finding(NAME, required, seen, bool(stopped) and all(woken) and unchanged and not crew.accidents)]


async def _wake(stage: Stage, pid: int) -> bool:
    """Let a stopped worker go on; whether it has ended the runs that it had when it was stopped."""
    said = stage.orders.said_by(pid)
    os.kill(pid, signal.SIGCONT)

    async def spoke() -> bool:
        return len(stage.orders.said_by(pid)) > len(said)

    await until(spoke, _PATIENCE, f"worker {pid} goes on")
    return True


async def _ends(stage: Stage, trials: list[Trial]) -> list[dict[str, object]]:
    """The end of each thread's chain and its last checkpoint."""
    return await stage.rows(
        "select id, epoch, last_seq, last_hash, status,"
        " (select max(checkpoint_id) from checkpoints where thread_id = id) as checkpoint"
        " from thread where id = any(%s) order by id",
        [trial.thread_id for trial in trials],
    )


async def _blocking(stage: Stage, tool: str, seconds: float) -> Trial:
    """A thread that blocks its worker's event loop the first time it comes to its first step."""
    blocking = step(tool)
    stage.far.plan(blocking.target, Act(act="block", at="applied", seconds=seconds))
    return await stage.start((blocking, step("put")))


async def _block(stage: Stage, trials: list[Trial]) -> list[Finding]:
    patient, hopeless = trials
    began = time.monotonic()
    # One thread to a worker: a loop that one call blocks is blocked for all.
    async with Crew(replace(stage.orders, concurrency=1), _WORKERS) as crew:
        await all_done(stage, [patient], _PATIENCE)
        await all_done(stage, [hopeless], _PATIENCE)
        taken_over = time.monotonic() - began
        before = await _ends(stage, trials)
        await asyncio.sleep(max(0.0, _HOPELESS_BLOCK + 1 - taken_over))  # until the blocked loop has woken
        unchanged = await _ends(stage, trials) == before
    epochs = {row["id"]: row["epoch"] for row in before}
    requests = stage.far.counts().requests
    kept = epochs[patient.thread_id] == 1 and requests[patient.steps[0].target] == 1
    lost = taken_over < _HOPELESS_BLOCK and requests[hopeless.steps[0].target] > 1
    return [
        Finding(NAME, f"a loop blocked for {_PATIENT_BLOCK:g} s inside its call's deadline keeps its lease",
                f"lease {'kept' if kept else 'LOST'}", kept),
        Finding(NAME, "a loop blocked beyond deadline + 10 s loses it to another worker, and stores nothing more",
                f"done elsewhere after {taken_over:.1f} s of {_HOPELESS_BLOCK:g} s, "
                f"{'nothing' if unchanged else 'SOMETHING'} stored on waking, {len(crew.accidents)} accidents",
                lost and unchanged and not crew.accidents),
    ]  # fmt: skip
