"""audit: what ran alone and is looked at afterwards."""

from __future__ import annotations

import json as jsonlib

from cli.console import local, out, pick, print_json, program, safe, table
from core.vocabulary import Reason, Verdict
from runtime.audits import judge as take
from runtime.audits import proposal_of
from runtime.people import at_keyboard
from runtime.settings import read_settings
from runtime.wiring import open_application
from store.audits import AuditStore
from store.outcomes import Word


async def listed(tenant: str | None, limit: int, json: bool) -> int:
    async with open_application(read_settings()) as app:
        rows = await AuditStore(app.pool).waiting(tenant, limit)
    if json:
        print_json([pick(row, ("number", "tenant", "task_type", "subject", "opened_at")) for row in rows])
    elif not rows:
        out().print("Nothing waits to be looked at.")
    else:
        cells = [
            (str(row["number"]), row["task_type"], row["subject"], local(row["opened_at"], "%m-%d %H:%M"))
            for row in rows
        ]
        table(("audit", "task type", "for", "since"), cells)
        out().print(f"\n  {program()} audit show N, then: audit right N | wrong N --reason … | unclear N")
    return 0


async def show(number: int, json: bool) -> int:
    async with open_application(read_settings()) as app:
        audit, proposal = await proposal_of(app, number)
    said = None if proposal is None else proposal.arguments
    if json:
        print_json(pick(audit, ("number", "tenant", "task_type", "subject", "verdict")) | {"arguments": said})
        return 0
    out().print(safe(f"Audit {number} · {audit['task_type']} · {audit['subject']}"), style="bold")
    if proposal is None:
        out().print("What was proposed is no longer kept; answer unclear.")
        return 0
    for name, value in proposal.arguments.items():
        for line in (value if isinstance(value, str) else jsonlib.dumps(value, ensure_ascii=False)).splitlines() or [
            ""
        ]:
            out().print(safe(f"  {name}: {line}"))
    out().print(safe(f"  because: {proposal.report.rationale}"))
    if audit["verdict"]:
        out().print(safe(f"Answered: {audit['verdict']}, by {audit['judged_by']}."))
    return 0


async def judge(
    number: int, verdict: Verdict, reason: Reason | None, message: str, person: str | None, json: bool
) -> int:
    async with open_application(read_settings()) as app:
        await take(app, number, Word(verdict, reason, message), at_keyboard(person))
    if json:
        print_json({"audit": number, "verdict": verdict, "reason": reason})
    else:
        out().print(safe(f"Audit {number}: {verdict}. What it changes: {program()} levels"))
    return 0


async def plant(tenant: str, task_type: str | None, count: int, json: bool) -> int:
    async with open_application(read_settings()) as app:
        planted = await AuditStore(app.pool).plant(tenant, task_type, count)
    if json:
        print_json({"planted": planted})
    else:
        left = "" if planted == count else " No more proposals are known to be wrong that were not used before."
        out().print(f"{planted} known errors are among the audits now.{left}")
    return 0


async def give_up(tenant: str | None, days: float, json: bool) -> int:
    async with open_application(read_settings()) as app:
        numbers = await AuditStore(app.pool).give_up(tenant, days)
    if json:
        print_json({"unclear": numbers})
    else:
        out().print(f"{len(numbers)} audits are entered as unclear.")
    return 0
