"""Results that come later, and the log of outcomes as a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from runtime.csv_file import write_csv
from runtime.people import local_user
from runtime.result_file import Result, Skipped, read_results
from runtime.wiring import Application
from store.outcomes import OutcomeStore

EXPORTED: Final = (
    "id", "at", "tenant", "environment", "thread_id", "subject", "site", "slug", "task_type", "behaviour_version",
    "proposal_id", "artifact", "proposal_hash", "final_hash", "alone", "answer", "changed", "score", "parts",
    "threshold", "why", "propensity", "floor", "era", "audited", "diff", "verdict", "reason_code", "note", "better",
    "counted", "actor", "judged_by", "judged_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Imported:
    added: int
    known: int
    skipped: tuple[Skipped, ...]


async def import_results(app: Application, path: Path, person: str | None) -> Imported:
    """Enter every usable line. Raises BadInput for a file that is no list of results."""
    added, known, skipped = 0, 0, []
    for item in read_results(path):
        if isinstance(item, Skipped):
            skipped.append(item)
            continue
        line, result = item
        if (fresh := await _enter(app, result, person or local_user())) is None:
            named = f"thread {result.thread}" if result.thread else f"thread for {result.site} {result.slug}"
            skipped.append(Skipped(line, f"there is no {named}"))
        else:
            added, known = added + fresh, known + (not fresh)
    return Imported(added, known, tuple(skipped))


async def _enter(app: Application, result: Result, by: str) -> bool | None:
    """Whether it was new; None when there is no such thread."""
    outcomes = OutcomeStore(app.pool)
    if (thread := await outcomes.thread_of(result.thread, result.site, result.slug)) is None:
        return None
    return await outcomes.enter({
        "key": result.key,
        "tenant": thread["tenant"],
        "thread_id": thread["id"],
        "task_type": result.task_type,
        "metric": result.metric,
        "value": result.value,
        "better": result.better,
        "verdict": result.verdict,
        "reason_code": result.reason,
        "measured_at": result.measured_at,
        "by": by,
    })  # fmt: skip


def write_outcomes(rows: Iterable[Mapping[str, Any]], file: IO[str]) -> None:
    """Outcomes as CSV."""
    write_csv(EXPORTED, rows, file)
