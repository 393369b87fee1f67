"""failures: what went wrong, and whose it is."""

from __future__ import annotations

from dataclasses import asdict

from cli.console import local, out, print_json
from cli.days import day
from cli.reading import table
from runtime.failures import FailureRecord, checked_class
from runtime.failures import failures as recorded
from runtime.settings import read_settings
from runtime.wiring import open_application


async def failures(failure_class: str | None, since: str | None, limit: int, json: bool) -> int:
    wanted = None if failure_class is None else checked_class(failure_class)
    start = None if since is None else day(since)
    async with open_application(read_settings()) as app:
        found = await recorded(app, failure_class=wanted, since=start, limit=limit)
    if json:
        print_json([asdict(record) for record in found])
        return 0
    if not found:
        out().print("No failures.")
        return 0
    columns = ("thread", "#", "when", "class", "what", "tries", "approval", "goes to", "speaks for")
    table(columns, [_failure(record) for record in found])
    return 0


def _failure(record: FailureRecord) -> tuple[str, ...]:
    what = f"{record.action}: {record.message}" if record.action else record.message
    when = local(record.at, "%m-%d %H:%M")
    implied = "" if record.implies == "nothing" else f"{record.implies} ({record.metric})"
    place = (record.thread_id, str(record.seq), when, record.failure_class)
    return (*place, what, str(record.retries), record.approval, record.recipient, implied)
