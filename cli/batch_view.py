"""How far batches are: a bar that lives on a terminal, a line now and then where nobody can watch."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Group
from rich.live import Live
from rich.text import Text

from cli.console import out, program, safe
from runtime import batches as runtime
from runtime.wiring import Application

LOOK_SECONDS: Final = 1.0
SAY_SECONDS: Final = 10.0
"""Where nobody can watch: how often a line is written when something has changed."""
BAR: Final = 24

_WORDS: Final = (
    ("done", "done"), ("running", "running"), ("waiting", "waiting for people"), ("failed", "failed"),
    ("queued", "queued"), ("postponed", "postponed"), ("stopped", "stopped"),
)  # fmt: skip


async def watch(app: Application, numbers: Sequence[int], *, quiet: bool) -> bool:
    """Show the batches until nothing is to come. True when the person left before."""
    try:
        async with contextlib.aclosing(_looks(app, numbers)) as looks:
            await (_say_nothing if quiet else _live if sys.stdout.isatty() else _say)(looks)
    except asyncio.CancelledError:
        if not quiet:
            out().print("The workers go on.")
        return True
    return False


async def _looks(app: Application, numbers: Sequence[int]) -> AsyncGenerator[runtime.View, None]:
    while True:
        seen = await runtime.view(app, numbers)
        yield seen
        if not seen.under_way:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _say_nothing(looks: AsyncIterator[runtime.View]) -> None:
    async for _ in looks:
        pass


async def _live(looks: AsyncIterator[runtime.View]) -> None:
    with Live(console=out(), refresh_per_second=4) as live:
        async for seen in looks:
            hint = Text("Ctrl-C leaves the workers running.", style="dim")
            live.update(Group(lines(seen), hint) if seen.under_way else lines(seen))


async def _say(looks: AsyncIterator[runtime.View]) -> None:
    """A line when something has changed, not more often than every few seconds; the last one always."""
    before, at = "", 0.0
    async for seen in looks:
        text = "\n".join(_text_lines(seen))
        if text != before and (not seen.under_way or time.monotonic() - at >= SAY_SECONDS):
            out().print(_joined(text), soft_wrap=True)
            before, at = text, time.monotonic()


def _joined(text: str) -> Text:
    return Text("\n").join(safe(line) for line in text.split("\n"))


def lines(seen: runtime.View) -> Group:
    several = len(seen.batches) > 1
    shown: list[Text] = []
    for row in seen.batches:
        shown += [Text.assemble(f"b-{row['number']} " if several else "", _bar(row), counts(row))]
    return Group(*shown, *(safe(note) for note in _notes(seen)))


def _text_lines(seen: runtime.View) -> list[str]:
    return [f"b-{row['number']} {counts(row)}" for row in seen.batches] + _notes(seen)


def _bar(row: Mapping[str, Any]) -> Text:
    full = round(BAR * _share(row))
    return Text.assemble("━" * full, ("━" * (BAR - full), "dim"), "  ")


def _share(row: Mapping[str, Any]) -> float:
    return row["done"] / row["threads"] if row["threads"] else 1.0


def counts(row: Mapping[str, Any]) -> str:
    """How many threads are where; words with nothing in them are left out."""
    parts = [f"{row[name]:,} {words}" for name, words in _WORDS if row[name]] or ["no threads"]
    rate = f"     {row['per_minute']:.1f} /min" if row["per_minute"] else ""
    cost = "" if row["cost"] is None else f"   ${row['cost']:.2f}"
    paused = "   paused" if row["paused"] else ""
    return f"{_share(row):4.0%}   {' · '.join(parts)}{rate}{cost}{paused}"


def _notes(seen: runtime.View) -> list[str]:
    notes = []
    paused = [row["number"] for row in seen.batches if row["paused"] and (row["queued"] or row["postponed"])]
    notes += [f"b-{number} is paused; go on: {program()} batch resume b-{number}" for number in paused]
    if seen.under_way and not seen.workers:
        notes.append(f"No worker is running; start one: {program()} worker")
    if waiting := sum(row["waiting"] for row in seen.batches):
        are = "thread waits" if waiting == 1 else "threads wait"
        notes += [] if seen.under_way else [f"{waiting:,} {are} for people: {program()} inbox"]
    return notes
