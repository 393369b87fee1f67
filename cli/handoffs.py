"""take-over and hand-back: a person does what is in the way."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.console import out, print_json, program, safe
from cli.threads import advance
from core.errors import BadInput, ThreadBusy
from runtime import handoffs
from runtime.people import at_keyboard, review_number
from runtime.settings import read_settings
from runtime.wiring import open_application

_MOST_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class HandedBack:
    review: str
    result: str
    secrets: Sequence[str]
    person: str | None
    no_wait: bool


async def take_over(review: str, person: str | None, json: bool) -> int:
    number = review_number(review)
    async with open_application(read_settings()) as app:
        found = await handoffs.take_over(app, number, at_keyboard(person))
    if json:
        print_json(
            {"review_id": f"r-{number}", "thread_id": found["thread_id"], "taken_over_by": found["taken_over_by"]}
        )
        return 0
    out().print(safe(f"r-{number} is yours, {found['taken_over_by']}; thread {found['thread_id']} waits for you."))
    for line in found["request"]["why"]:
        out().print(safe(f"  {line}"))
    out().print()
    out().print(safe(f"  {program()} packet {found['thread_id']}"))
    out().print(safe(f"  {program()} hand-back r-{number} --result TEXT|FILE"))
    return 0


async def hand_back(said: HandedBack, json: bool) -> int:
    number = review_number(said.review)
    result = _result(said.result)
    async with open_application(read_settings()) as app:
        person = at_keyboard(said.person)
        await handoffs.refuse(app, number, person)  # before anything is asked for
        given = handoffs.HandBack(result, {name: _entered(name) for name in said.secrets})
        thread_id = await handoffs.hand_back(app, number, person, given, reserved=not said.no_wait)
        if not json:
            doubt = "" if person.verified else " (name not verified)"
            out().print(safe(f"Review r-{number}: handed back, by {person.name}{doubt}."))
        if said.no_wait:
            if json:
                print_json({"thread_id": thread_id, "status": "waiting", "review_id": f"r-{number}"})
            return 0
        try:
            return await advance(app, thread_id, json)
        except ThreadBusy as busy:
            out().print(safe(f"The result is stored. {busy}"))
            return 0


def _result(given: str) -> str:
    """The words, or what is in the file of that name. Raises BadInput."""
    try:
        if not given or "\n" in given or not Path(given).is_file():
            return given
        with Path(given).open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{given} is not UTF-8 text (byte {error.start}).") from None
    except OSError as error:
        raise BadInput(f"{given[:80]} cannot be read: {error.strerror}.") from None


def _entered(name: str) -> str:
    """Typed without being shown, or a line of standard input. Never an argument: those are in everybody's list."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{name} (not shown): ")
    return sys.stdin.readline().rstrip("\n")
