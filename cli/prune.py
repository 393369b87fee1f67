"""prune: delete what threads that ended long ago no longer need."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from datetime import timedelta
from typing import Final

from cli.console import out, print_json
from core.errors import AutonomyError, BadInput
from runtime.settings import read_settings
from runtime.wiring import open_application
from store import retention

_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}


class Interrupted(AutonomyError):
    """Ctrl-C between two chunks."""

    exit_code = 130


def duration(text: str) -> timedelta:
    """12h, 90d or 4w. Raises BadInput."""
    if not re.fullmatch(r"[1-9][0-9]{0,3}[hdw]", text):
        raise BadInput(f"{text[:20]!r} is not an age; say hours, days or weeks, such as 12h, 90d or 4w.")
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


async def prune(older_than: str, dry_run: bool, json: bool) -> int:
    age, pruned = duration(older_than), retention.Pruned()
    async with open_application(read_settings()) as app:
        try:
            await retention.prune(app.pool, age, pruned, dry_run=dry_run)
        except asyncio.CancelledError:
            raise Interrupted(
                f"Stopped: {pruned.threads} threads are pruned. Run the same command again for the rest."
            ) from None
    if json:
        print_json({"older_than": older_than, "dry_run": dry_run} | asdict(pruned))
        return 0
    what = "Would be pruned" if dry_run else "Pruned"
    out().print(f"{what}: {_count(pruned.threads, 'thread')} done or stopped for {older_than} or longer")
    steps = f"{_count(pruned.checkpoints, 'checkpoint')}, {_count(pruned.blobs, 'channel value')}"
    out().print(f"  {steps}, {_count(pruned.writes, 'pending write')}; the last checkpoint stays", soft_wrap=True)
    out().print(f"  the text of {_count(pruned.model_calls, 'model call')}; tokens, cost and latency stay")
    out().print(
        f"  {_count(pruned.artifacts, 'artifact')} ({pruned.bytes / 1e6:.1f} MB of text) that nothing refers to"
    )
    out().print("Events, reviews, outcomes and operations stay for ever.")
    return 0


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
