"""notify: who is told of what waits."""

from __future__ import annotations

from rich.table import Table

from cli.console import out, print_json, program, safe
from core.errors import NotFound
from runtime import notices
from runtime.people import local_user
from runtime.settings import read_settings
from runtime.wiring import open_application
from store.notices import NoticeStore

_SHOWN = (
    "number",
    "occasion",
    "shown",
    "tenant",
    "task_type",
    "tier",
    "assign_to",
    "hours",
    "sent",
    "failed",
    "created_by",
)


async def listed(json: bool) -> int:
    async with open_application(read_settings()) as app:
        rules = await NoticeStore(app.pool).rules()
    if json:
        print_json([{name: rule[name] for name in _SHOWN} for rule in rules])
        return 0
    if not rules:
        out().print(safe(f"Nobody is told of anything. Add somebody: {program()} notify add mailto://… --on new"))
        return 0
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("#", "when", "where", "which", "told", "failed"):
        table.add_column(column, overflow="fold")
    for rule in rules:
        which = " ".join(str(rule[name]) for name in ("tenant", "task_type", "tier") if rule[name]) or "all"
        then = f", then asked of {rule['assign_to']}" if rule["assign_to"] else ""
        cells = (rule["number"], rule["occasion"], rule["shown"], which + then, rule["sent"], rule["failed"])
        table.add_row(*(safe(str(cell)) for cell in cells))
    out().print(table)
    return 0


async def add(rule: notices.NewRule) -> int:
    async with open_application(read_settings()) as app:
        number = await notices.add(app, rule, local_user())
    out().print(safe(f"Notification {number} is added; a worker sends it. Try it: {program()} notify test {number}"))
    return 0


async def remove(number: int) -> int:
    async with open_application(read_settings()) as app:
        if not await NoticeStore(app.pool).remove(number):
            raise NotFound(f"There is no notification {number}. See: {program()} notify")
    out().print(safe(f"Notification {number} is removed, its address too."))
    return 0


async def test(number: int) -> int:
    async with open_application(read_settings()) as app:
        taken = await notices.try_out(app, number)
    out().print("It was taken." if taken else "It was not taken: the address does not answer, or refuses it.")
    return 0 if taken else 1
