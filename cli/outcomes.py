"""outcomes: what became of the agent's proposals; results that come later; the log as a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cli.console import local, out, pick, print_json, safe, table
from core.errors import BadInput
from runtime.results import EXPORTED, import_results, write_outcomes
from runtime.settings import read_settings
from runtime.wiring import open_application
from store.outcomes import OutcomeStore

_EVERYTHING: Final = 10_000_000


async def listed(tenant: str | None, task_type: str | None, limit: int, json: bool) -> int:
    async with open_application(read_settings()) as app:
        rows = await OutcomeStore(app.pool).newest(tenant, task_type, limit)
    if json:
        print_json([pick(row, EXPORTED) for row in rows])
    elif not rows:
        out().print("Nothing was decided yet.")
    else:
        table(("when", "task type", "for", "score", "what happened", "verdict", "by"), [_row(row) for row in rows])
    return 0


def _row(row: Mapping[str, Any]) -> Sequence[str]:
    score = "–" if row["score"] is None else f"{row['score']:.2f}"
    audit = " (to be audited)" if row["audited"] and row["verdict"] is None else ""
    happened = f"ran alone{audit}" if row["alone"] else str(row["answer"])
    reason = f" ({row['reason_code']})" if row["reason_code"] else ""
    verdict = f"{row['verdict']}{reason}" if row["verdict"] else "not looked at"
    when = local(row["at"], "%m-%d %H:%M")
    return when, row["task_type"], row["subject"], score, happened, verdict, row["judged_by"] or row["actor"]


async def imported(file: Path, person: str | None, json: bool) -> int:
    async with open_application(read_settings()) as app:
        done = await import_results(app, file, person)
    if json:
        left_out = [line._asdict() for line in done.skipped]
        print_json({"added": done.added, "known": done.known, "skipped": left_out})
        return 0
    for skipped in done.skipped:
        out().print(safe(f"line {skipped.line}: {skipped.reason}; skipped"))
    out().print(f"{done.added} added, {done.known} known before, {len(done.skipped)} skipped.")
    return 0


async def exported(file: Path | None, tenant: str | None, task_type: str | None) -> int:
    async with open_application(read_settings()) as app:
        rows = await OutcomeStore(app.pool).newest(tenant, task_type, _EVERYTHING)
    if file is None:
        write_outcomes(rows, sys.stdout)
    else:
        _write(file, rows)
        out().print(safe(f"{len(rows)} outcomes in {file}"))
    return 0


def _write(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    try:
        with file.open("x", encoding="utf-8", newline="") as opened:
            write_outcomes(rows, opened)
    except FileExistsError:
        raise BadInput(f"{file} exists; give the name of a new file.") from None
