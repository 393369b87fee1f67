"""inbox, threads and show: what is there, without changing anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.table import Table

from cli.console import local, out, pick, print_json, program, safe
from cli.review import print_review
from core.events import ChainedEvent, first_break
from core.vocabulary import ThreadStatus
from runtime.settings import read_settings
from runtime.timeline import authority, in_words, proposals
from runtime.wiring import open_application


async def inbox(limit: int, json: bool) -> int:
    async with open_application(read_settings()) as app:
        rows = await app.reviews.inbox(None, limit)
    if json:
        print_json([_review(row) for row in rows])
        return 0
    if not rows:
        out().print("Nothing waits for you.")
        return 0
    columns = ("review", "what", "for", "thread", "since", "proposed")
    table(columns, [_inbox_row(row) for row in rows])
    out().print(f"\n  {program()} decide REVIEW approve | edit | reject | respond")
    return 0


async def threads(status: ThreadStatus | None, limit: int, json: bool) -> int:
    async with open_application(read_settings()) as app:
        rows = await app.threads.newest(status, limit)
    if json:
        print_json(rows)
        return 0
    if not rows:
        none = f"No thread is {status}." if status else 'No threads yet. Start one: autonomy run "crm for startups"'
        out().print(none)
        return 0
    columns = ("thread", "status", "for", "model", "started")
    cells = [
        (row["thread_id"], row["status"], row["subject"], row["model"], local(row["created_at"], "%Y-%m-%d %H:%M"))
        for row in rows
    ]
    table(columns, cells)
    return 0


async def show(thread_id: str, json: bool) -> int:
    async with open_application(read_settings()) as app:
        thread = await app.threads.find(thread_id)
        events = await app.threads.timeline(thread["id"])
        texts = await app.artifacts.find(thread["tenant"], proposals(events))
        waiting = [row for row in await app.reviews.waiting(thread["id"]) if row["state"] == "open"]
        reviews = [await app.reviews.get(row["number"]) for row in waiting]
    broken = first_break(events)
    if json:
        review_id = f"r-{reviews[0]['number']}" if reviews else None
        print_json({"review_id": review_id, "chain_broken_at": broken} | _shown(thread, events, texts))
        return 0
    head = " · ".join([thread["subject"], f"thread {thread['id']}", thread["status"], thread["model"]])
    out().print(safe(head))
    for line in _authority(events):
        out().print(safe(line), style="dim")
    if broken is not None:
        out().print(
            safe(f"The chain of events is broken at #{broken}: something was changed or removed."), style="bold red"
        )
    rows = [(str(stored.seq), local(stored.at, "%H:%M:%S"), *in_words(stored, texts)) for stored in events]
    table(("#", "when", "what", "why"), rows)
    for review in reviews:
        print_review(review)
    return 0


_SHOWN: Final = (
    "subject", "tenant", "domain", "status", "model", "requester", "graph_version", "release", "behaviour_versions",
    "created_at", "updated_at", "ending",
)  # fmt: skip


def _authority(events: Sequence[ChainedEvent]) -> list[str]:
    """A line for each level with its reasons, and the task types that it holds for."""
    held: dict[tuple[str, str], list[str]] = {}
    for name, level in authority(events).items():
        held.setdefault((level["level"], " ".join(level["reasons"])), []).append(name)
    return [f"authority: {level} for {', '.join(names)}. {reasons}" for (level, reasons), names in held.items()]


def _shown(thread: Mapping[str, Any], events: Sequence[ChainedEvent], texts: Mapping[str, str]) -> dict[str, Any]:
    """A thread with its events for programs; `what` and `why` are what a person is shown."""
    listed = []
    for stored in events:
        what, why = in_words(stored, texts)
        listed.append({**stored._asdict(), "what": what, "why": why})
    return {"thread_id": thread["id"], **pick(thread, _SHOWN), "authority": authority(events), "events": listed}


def _review(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the inbox for programs."""
    return {
        "review_id": f"r-{row['number']}",
        "thread_id": row["thread_id"],
        "status": row["status"],
        "kind": row["kind"],
        "task_type": row["task_type"],
        "subject": row["subject"],
        "tenant": row["tenant"],
        "opened_at": row["opened_at"],
        "taken_over_by": row["taken_over_by"],
        "request": row["request"],
    }


def _inbox_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    held = f"({row['taken_over_by']} has it) " if row["taken_over_by"] else ""
    proposed = held + row["request"]["action_requests"][0]["description"]
    since = local(row["opened_at"], "%m-%d %H:%M")
    return (f"r-{row['number']}", row["task_type"], row["subject"], row["thread_id"], since, proposed)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    flexible = "proposed" in columns
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=flexible)
    for number, column in enumerate(columns):
        one_line = number < 2 or column in ("proposed", "for")
        width = 28 if column == "for" else None
        ratio = 1 if column == "proposed" else None
        table.add_column(
            column, overflow="ellipsis" if one_line else "fold", no_wrap=one_line, max_width=width, ratio=ratio
        )
    for row in rows:
        table.add_row(*(safe(cell) for cell in row))
    out().print(table)
