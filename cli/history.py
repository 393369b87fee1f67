"""history and state: a thread's checkpoints, and what each holds."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Final

from cli.console import local, out, print_json, program, safe
from cli.reading import table
from runtime.settings import read_settings
from runtime.states import state_at
from runtime.wiring import open_application
from store.history import HistoryStore, Moment

_SHOWN: Final = 23
"""Characters of a checkpoint's id, which begins with its time and its step."""


async def history(thread_id: str, json: bool) -> int:
    async with open_application(read_settings()) as app:
        thread = await app.threads.find(thread_id)
        moments = await HistoryStore(app.pool).moments(thread["id"])
    if json:
        print_json({"thread_id": thread["id"], "checkpoints": [asdict(moment) for moment in moments]})
        return 0
    pruned = " · pruned: only the last checkpoint is kept" if thread["pruned_at"] else ""
    out().print(safe(f"{thread['subject']} · thread {thread['id']} · {thread['status']}{pruned}"))
    table(("step", "when", "ran", "changed", "then", "checkpoint"), [_row(moment) for moment in moments])
    out().print(f"\n  {program()} state {thread['id']} --at STEP")
    return 0


async def state(thread_id: str, place: str, json: bool) -> int:
    async with open_application(read_settings()) as app:
        thread = await app.threads.find(thread_id)
        moment = await HistoryStore(app.pool).at(thread["id"], place)
        values = await state_at(app, thread["id"], moment.checkpoint_id)
    if json:
        print_json({"thread_id": thread["id"], **asdict(moment), "state": values})
        return 0
    then = ", ".join(moment.waits) or "nothing"
    out().print(safe(f"{thread['subject']} · thread {thread['id']} · step {moment.step}, then {then}"))
    print_json(values)
    return 0


def _row(moment: Moment) -> tuple[str, ...]:
    at = local(datetime.fromisoformat(moment.at), "%H:%M:%S")
    then = "; ".join(moment.reviews) or ", ".join(moment.waits) or "–"
    ran = ", ".join(moment.nodes) or ("(the task)" if moment.parent_id is None else "–")
    return (str(moment.step), at, ran, ", ".join(moment.changed) or "–", then, moment.checkpoint_id[:_SHOWN])
