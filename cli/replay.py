"""replay: a recorded thread once more, in memory, beside what it did then."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

from rich.console import Console

from cli.console import out, print_json, safe
from cli.days import day
from runtime.replay.many import Tally, replay_all
from runtime.replay.record import read
from runtime.replay.run import Replayed, replay_record
from runtime.replay.tape import Difference
from runtime.replay.versions import compared, refuse_another, refuse_later
from runtime.settings import read_settings
from runtime.wiring import open_application


async def run(thread_id: str | None, since: str | None, json: bool, *, anyway: bool) -> int:
    """One thread, or every thread."""
    return await (every(since, json, anyway=anyway) if thread_id is None else replay(thread_id, json, anyway=anyway))


async def replay(thread_id: str, json: bool, *, anyway: bool = False) -> int:
    async with open_application(read_settings()) as app:
        thread = await app.threads.find(thread_id)
        record = await read(app, thread)
        refuse_later(record)
        changed = compared(app, record)
        if not anyway:
            refuse_another(record, changed)
        if not json:
            out().print(safe(f"{thread['subject']} · thread {thread['id']} · {thread['status']}"))
            for sentence in changed.sentences:
                out().print(safe(f"  {sentence}"))
        replayed = await replay_record(app, record)
    if json:
        print_json({**asdict(replayed), "same": replayed.difference is None, "changes": changed.sentences})
    else:
        _print(replayed)
    return 0 if replayed.difference is None else 1


async def every(since: str | None, json: bool, *, anyway: bool = False) -> int:
    start = None if since is None else day(since)
    async with open_application(read_settings()) as app:
        tally = await replay_all(app, start, _progress(json), anyway=anyway)
    if json:
        print_json(asdict(tally))
    else:
        _print_tally(tally)
    return 1 if tally.parted else 0


def _print(replayed: Replayed) -> None:
    if replayed.difference is not None:
        _print_difference(replayed.difference)
        return
    over = "" if not replayed.passed else f"; {replayed.passed} failures that ended a run were got over, as then"
    came_out = f"{replayed.decided} decided events came out as they are recorded, in {replayed.supersteps} steps"
    out().print(f"The same: {came_out}{over}.")


def _print_difference(difference: Difference) -> None:
    what = f": {', '.join(difference.parts)}" if difference.parts else ""
    out().print(safe(f"It parts from the record at #{difference.seq}{what}."), style="bold")
    for label, side in (("recorded", difference.recorded), ("now", difference.replayed)):
        out().print(safe(f"  {label:<9} {difference.side(side)}"), soft_wrap=True)


def _print_tally(tally: Tally) -> None:
    for thread_id, difference in tally.parted.items():
        out().print(safe(f"thread {thread_id}"))
        _print_difference(difference)
    for thread_id, why in tally.refused.items():
        out().print(safe(f"thread {thread_id} cannot be run again: {why}"))
    for why, threads in tally.other_version.most_common():
        out().print(safe(f"{threads:,} left out, recorded by another version (--anyway runs them): {why}"))
    if tally.other_release:
        out().print(f"{tally.other_release:,} recorded by another release with the same graph, behaviour and rules.")
    out().print(
        f"{tally.threads:,} threads: {tally.same:,} the same, {len(tally.parted):,} part from their record, "
        f"{len(tally.refused):,} cannot be run again, {tally.other_version.total():,} left out."
    )


def _progress(json: bool) -> Any:
    if json or not sys.stderr.isatty():
        return lambda done, of: None
    console = Console(stderr=True)
    return lambda done, of: console.print(f"{done:,} of {of:,} threads …", end="\r")
