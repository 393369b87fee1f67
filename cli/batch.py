"""batch: a file of keywords goes in, and how far its threads are."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.batch_view import counts, lines, watch
from cli.console import local, out, print_json, program, safe
from core.errors import AutonomyError
from runtime import batches as runtime
from runtime.keyword_file import Skipped
from runtime.people import local_user
from runtime.settings import read_settings
from runtime.wiring import Application, open_application

SKIPPED_SHOWN: Final = 20
SKIPPED_LISTED: Final = 1000
"""In --json; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Asked:
    file: Path
    profile: Path | None
    locale: str
    again: bool
    person: str | None
    no_wait: bool
    verbose: bool


class Interrupted(AutonomyError):
    """Ctrl-C while a file was on its way in."""

    exit_code = 130


async def add(asked: Asked, json: bool) -> int:
    from runtime import seo

    settings = read_settings()
    profile = asked.profile or settings.profile or seo.bundled_profile()
    request = runtime.Asked(asked.file, profile, asked.locale, asked.again, asked.person or local_user())
    said, skipped = runtime.Intake(), _SkippedLines(quiet=json, every=asked.verbose)
    async with open_application(settings) as app:
        try:
            await runtime.add(app, request, said, skipped)
        except asyncio.CancelledError:
            raise Interrupted(
                f"Stopped: {_count(said.added, 'keyword')} of {asked.file} {'is' if said.added == 1 else 'are'} in. "
                "Run the same command again; it adds the rest and doubles nothing."
            ) from None
        if not json:
            skipped.say_the_rest()
            _say_added(asked, said)
        numbers = sorted(said.batches.values())
        stopped = not numbers or asked.no_wait or await watch(app, numbers, quiet=json)
        if json:
            print_json(_json_added(said, skipped, await _json_batches(app, numbers)))
        elif numbers and stopped:
            _say_where_to_look(numbers)
    return 0


async def show(batch: str, json: bool) -> int:
    number = runtime.batch_number(batch)
    async with open_application(read_settings()) as app:
        seen = await runtime.view(app, [number])
        if json:
            print_json((await _json_batches(app, [number]))[0])
            return 0
    [row] = seen.batches
    begun = local(row["created_at"], "%Y-%m-%d %H:%M")
    out().print(safe(f"b-{number} · {row['file_name']} · {row['tenant']} · by {row['requester']}, {begun}"))
    out().print(lines(seen))
    return 0


async def listed(limit: int, json: bool) -> int:
    async with open_application(read_settings()) as app:
        rows = await runtime.newest(app, limit)
    if json:
        print_json([_plain(row) for row in rows])
    elif not rows:
        out().print("No batches yet. Start one: autonomy batch keywords.csv")
    for row in [] if json else rows:
        out().print(safe(f"b-{row['number']:<4} {row['file_name']} · {row['tenant']} · {counts(row)}"))
    return 0


async def pause(batch: str, paused: bool, json: bool) -> int:
    number = runtime.batch_number(batch)
    async with open_application(read_settings()) as app:
        await runtime.pause(app, number, paused=paused)
    if json:
        print_json({"batch": f"b-{number}", "paused": paused})
    elif paused:
        out().print(f"b-{number} is paused: what runs goes on to its next stop, nothing else is begun.")
        out().print(f"  {program()} batch resume b-{number}")
    else:
        out().print(f"b-{number} goes on.")
    return 0


async def stop(batch: str, person: str | None, json: bool) -> int:
    number, quiet = runtime.batch_number(batch), json or not sys.stdout.isatty()

    def tell(count: int) -> None:
        if not quiet:
            out().print(f"{count} …", end="\r")

    async with open_application(read_settings()) as app:
        count = await runtime.stop(app, number, person or local_user(), tell)
    if json:
        print_json({"batch": f"b-{number}", "stopped": count})
    else:
        out().print(f"b-{number}: {_count(count, 'thread')} stopped. What is done or has failed is left as it is.")
    return 0


class _SkippedLines:
    """Says what was left out as it comes, the first lines only unless all are asked for."""

    def __init__(self, *, quiet: bool, every: bool) -> None:
        self._quiet, self._every = quiet, every
        self.count = 0
        self.listed: list[Skipped] = []

    def __call__(self, skipped: Skipped) -> None:
        self.count += 1
        if len(self.listed) < SKIPPED_LISTED:
            self.listed.append(skipped)
        if not self._quiet and (self._every or self.count <= SKIPPED_SHOWN):
            out().print(safe(f"line {skipped.line}: {skipped.reason}; skipped"), soft_wrap=True)

    def say_the_rest(self) -> None:
        if (more := self.count - SKIPPED_SHOWN) > 0 and not self._every:
            out().print(f"and {more:,} more lines skipped (all of them: --verbose)")


def _say_added(asked: Asked, said: runtime.Intake) -> None:
    if said.ignored:
        what = "This column means" if len(said.ignored) == 1 else "These columns mean"
        out().print(safe(f"{what} nothing here: {', '.join(said.ignored)}."))
    names = ", ".join(f"b-{number} for {tenant}" for tenant, number in sorted(said.batches.items()))
    into = f" ({names})" if names else ""
    out().print(safe(f"{asked.file.name}: {_count(said.added, 'new keyword')}{into}."))
    if not said.known:
        return
    where = ", ".join(f"b-{number}" for number in sorted(said.known_in)[:5])
    more = ", …" if len(said.known_in) > 5 else ""
    total = sum(said.known.values())
    out().print(f"{total:,} {'is' if total == 1 else 'are'} known already ({where}{more}).")
    ended = [(word, said.known[word]) for word in ("failed", "stopped", "done") if said.known[word]]
    if ended and not asked.again:
        which = " and ".join([", ".join(f"{n:,} {word}" for word, n in ended[:-1])] * (len(ended) > 1) + [
            f"{ended[-1][1]:,} {ended[-1][0]}"])  # fmt: skip
        out().print(safe(f"Of these, {which}; they are left as they are. New threads for them: add --again"))
    elif asked.again:
        out().print("They are under way; --again begins only those anew that have ended.")


def _say_where_to_look(numbers: Sequence[int]) -> None:
    for number in numbers:
        out().print(f"  {program()} batch show b-{number}")


def _json_added(
    said: runtime.Intake, skipped: _SkippedLines, batches: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:  # fmt: skip
    return {
        "added": said.added,
        "known": sum(said.known.values()),
        "known_by_status": dict(said.known),
        "known_in": [f"b-{number}" for number in sorted(said.known_in)],
        "ignored_columns": list(said.ignored),
        "skipped": said.skipped,
        "skipped_lines": [line._asdict() for line in skipped.listed],
        "batches": list(batches),
    }


async def _json_batches(app: Application, numbers: Sequence[int]) -> list[dict[str, Any]]:
    if not numbers:
        return []
    seen = await runtime.view(app, numbers)
    return [{**_plain(row), "workers_alive": seen.workers} for row in seen.batches]


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    cost = None if row["cost"] is None else float(row["cost"])
    return {"batch": f"b-{row['number']}"} | {k: v for k, v in row.items() if k != "number"} | {"cost": cost}


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
