"""fork: a copy of a thread from one of its checkpoints, beside the thread."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from cli.console import out, print_json, safe
from cli.threads import advance, read_arguments
from core.errors import BadInput
from runtime import forks
from runtime.edits import StateEdit, parsed_edit
from runtime.people import at_keyboard
from runtime.settings import read_settings
from runtime.wiring import open_application


@dataclass(frozen=True, slots=True)
class Asked:
    thread: str
    at: str
    edit: Path | None
    live: bool
    yes: bool
    person: str | None
    no_wait: bool


async def fork(asked: Asked, json: bool) -> int:
    edit = StateEdit() if asked.edit is None else parsed_edit(read_arguments(asked.edit))
    person = at_keyboard(asked.person)
    async with open_application(read_settings()) as app:
        thread = await app.threads.find(asked.thread)
        plan = await forks.plan(app, thread, asked.at, edit, asked.live, person)
        if not json:
            _print(plan)
        _confirm(plan, asked.yes, json)
        thread_id = await forks.fork(app, plan, person.name, reserved=not asked.no_wait)
        if asked.no_wait:
            _made(thread_id, plan, json)
            return 0
        if not json:
            out().print(safe(f"{thread['subject']} · thread {thread_id}"))
        return await advance(app, thread_id, json)


def _print(plan: forks.Plan) -> None:
    kind = "live: what has not been done yet reaches outside" if plan.live else "tools that reach outside are stubs"
    out().print(safe(f"A copy of thread {plan.source['id']} from step {plan.moment.step}; {kind}."))
    if not plan.effects:
        out().print("After that checkpoint the thread did nothing that its copy could do again.")
    else:
        out().print("What the thread did after that checkpoint, and what becomes of it if the copy does it too:")
    for effect in plan.effects:
        out().print(safe(f"  #{effect.seq:<4} {effect.action:<18} {forks.in_words(effect.fate)}"), soft_wrap=True)


def _confirm(plan: forks.Plan, yes: bool, json: bool) -> None:
    if yes or not plan.effects:
        return
    if json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        effects = "an effect" if len(plan.effects) == 1 else f"{len(plan.effects)} effects"
        raise BadInput(f"The copy may do {effects} of the thread again, as listed; say --yes if it should.")
    if not typer.confirm("Make the copy?"):
        raise BadInput("No copy was made.")


def _made(thread_id: str, plan: forks.Plan, json: bool) -> None:
    if json:
        effects = [asdict(effect) for effect in plan.effects]
        print_json({"thread_id": thread_id, "from": plan.source["id"], "live": plan.live, "effects": effects})
    else:
        out().print(safe(f"Thread {thread_id} is queued."))
