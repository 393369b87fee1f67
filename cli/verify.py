"""verify: whether what is recorded is what was recorded."""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console

from cli.console import out, print_json, safe
from core.errors import BadInput
from runtime.settings import read_settings
from runtime.wiring import open_application
from store.verification import Progress, Verified
from store.verification import verify as walk

_EACH: Final = 500


async def verify(thread: str | None, every: bool, json: bool) -> int:
    if (thread is None) == (not every):
        raise BadInput("Say which thread: autonomy verify THREAD, or all of them: autonomy verify --all")
    async with open_application(read_settings()) as app:
        found = None if thread is None else (await app.threads.find(thread))["id"]
        verified = await walk(app.pool, found, _counting())
    if json:
        breaks = [place._asdict() for place in verified.breaks]
        print_json(
            {"threads": verified.threads, "events": verified.events, "broken": verified.broken, "breaks": breaks}
        )
    else:
        _print(verified)
    return 1 if verified.broken else 0


def _print(verified: Verified) -> None:
    for place in verified.breaks:
        out().print(safe(f"thread {place.thread_id}: {place.what}."), soft_wrap=True)
    if verified.broken > len(verified.breaks):
        out().print(f"… and {verified.broken - len(verified.breaks):,} more places.")
    threads = "1 thread" if verified.threads == 1 else f"{verified.threads:,} threads"
    holds = "every chain holds" if not verified.broken else f"{_places(verified.broken)} not hold"
    out().print(f"{threads}, {verified.events:,} events: {holds}.")


def _places(count: int) -> str:
    return "1 place does" if count == 1 else f"{count:,} places do"


def _counting() -> Progress:
    """Says on a terminal how far it is."""
    if not sys.stderr.isatty():
        return lambda _: None
    console = Console(stderr=True)

    def progress(threads: int) -> None:
        if threads % _EACH == 0:
            console.print(f"{threads:,} threads …", end="\r")

    return progress
