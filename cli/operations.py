"""operations: what was done to the world under which key, and opening one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.table import Table

from cli.console import local, out, pick, print_json, program, safe
from core.vocabulary import OperationState
from runtime.people import local_user
from runtime.settings import read_settings
from runtime.timeline import ATTEMPTS
from runtime.wiring import open_application
from store.operations import KEY_SHOWN, OperationStore

_SHOWN: Final = (
    "key", "revision", "state", "tool", "thread_id", "tenant", "proposal_id", "attempt", "fence", "summary", "failure",
    "started_at", "finished_at", "deadline", "first_sent_at",
)  # fmt: skip


async def newest(state: OperationState | None, limit: int, json: bool) -> int:
    async with open_application(read_settings()) as app:
        rows = await OperationStore(app.pool).newest(state, limit)
    if json:
        print_json([pick(row, (*_SHOWN, "subject")) for row in rows])
        return 0
    if not rows:
        out().print(f"No operation is {state}." if state else "Nothing was done yet.")
        return 0
    columns = ("operation", "tool", "state", "attempt", "thread", "when", "what")
    _table(columns, [_row(row) for row in rows])
    return 0


async def show(prefix: str, json: bool) -> int:
    async with open_application(read_settings()) as app:
        store = OperationStore(app.pool)
        revisions = await store.find(prefix)
        key = str(revisions[0]["key"])
        history = await store.history(key)
    if json:
        print_json({"key": key, "revisions": [pick(row, _SHOWN) for row in revisions], "history": history})
        return 0
    last = revisions[-1]
    out().print(safe(f"{last['tool']} · {last['state']} · revision {last['revision']} · thread {last['thread_id']}"))
    out().print(safe(f"key {key}"), soft_wrap=True)
    columns = ("when", "revision", "attempt", "fence", "what", "who", "why")
    _table(columns, [_line(row) for row in history])
    if last["state"] == "unknown":
        out().print(f"\nWhether it took effect is not known. What waits for people: {program()} inbox")
    return 0


async def revise(prefix: str, person: str | None, message: str, json: bool) -> int:
    async with open_application(read_settings()) as app:
        store = OperationStore(app.pool)
        revision = await store.revise(prefix, person or local_user(), message)
        last = (await store.find(prefix))[-1]
    if json:
        print_json(pick(last, _SHOWN))
    else:
        out().print(safe(f"Revision {revision} of {last['tool']} is open: one new request may run under it."))
    return 0


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    failure = row["failure"] or {}
    what = str(failure.get("message") or row["summary"] or row["subject"])
    when = local(row["started_at"], "%Y-%m-%d %H:%M:%S")
    return (row["key"][:KEY_SHOWN], row["tool"], row["state"], str(row["attempt"]), row["thread_id"], when, what)


def _line(row: Mapping[str, Any]) -> tuple[str, ...]:
    why = str((row["detail"] or {}).get("message", ""))
    numbers = (str(row["revision"]), str(row["attempt"]), str(row["fence"]))
    return (local(row["at"], "%Y-%m-%d %H:%M:%S"), *numbers, _word(row["said"]), row["actor"], why)


def _word(said: str) -> str:
    return next((words for word, words in ATTEMPTS.items() if word == said), said)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(safe(cell) for cell in row))
    out().print(table)
