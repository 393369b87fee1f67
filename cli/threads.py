"""run, resume and decide: what starts, carries on and answers."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from cli.console import out, pick, print_json, program, safe, short
from cli.progress import Progress
from cli.review import print_review
from core.errors import AutonomyError, BadInput, ClassifiedError, ThreadBusy
from core.reviews import WireAnswer
from core.vocabulary import Reason, Verdict
from runtime import threads as runtime
from runtime.arguments import from_yaml
from runtime.intake import NewThread
from runtime.levels import levels
from runtime.people import at_keyboard, local_user, review_number
from runtime.settings import read_settings
from runtime.wiring import Application, open_application


@dataclass(frozen=True, slots=True)
class Start:
    keyword: str
    locale: str
    profile: Path | None
    serp: Path | None
    person: str | None


@dataclass(frozen=True, slots=True)
class Given:
    """`fields`: each FIELD=VALUE."""

    domain: str
    task: Path | None
    fields: tuple[str, ...]
    person: str | None


@dataclass(frozen=True, slots=True)
class Answered:
    review: str
    answer: str
    args: Path | None
    message: str
    person: str | None
    no_wait: bool
    verdict: Verdict | None = None
    reason: Reason | None = None


async def run(asked: Start, json: bool) -> int:
    from runtime import seo

    settings = read_settings()
    async with open_application(settings) as app:
        choice = await app.choice()
        profile = asked.profile or settings.profile or seo.bundled_profile()
        request = seo.Request(asked.keyword, asked.locale, profile, asked.serp, asked.person or local_user())
        new = await seo.prepare(settings, app.artifacts, choice.label, request)
        _get_ready_to_run()
        thread_id = await runtime.start(app, new, reserved=True)
        if not json:
            await _print_setting(app, f"{choice.label}, {choice.reason}", new.task["serp"]["source"])
            await _print_started(app, new, thread_id)
        return await advance(app, thread_id, json)


async def start(asked: Given, json: bool) -> int:
    fields = {} if asked.task is None else read_arguments(asked.task)
    fields |= dict(_field(each) for each in asked.fields)
    async with open_application(read_settings()) as app:
        new = await app.intake(asked.domain, fields, asked.person or local_user())
        _get_ready_to_run()
        thread_id = await runtime.start(app, new, reserved=True)
        if not json:
            choice = await app.choice()
            await _print_setting(app, f"{choice.label}, {choice.reason}")
            await _print_started(app, new, thread_id)
        return await advance(app, thread_id, json)


def _field(said: str) -> tuple[str, str]:
    """`FIELD=VALUE` as a pair; the value may hold further signs of equality."""
    name, equals, value = said.partition("=")
    if not equals or not name.strip():
        raise BadInput(f"--set takes FIELD=VALUE, not {said}.")
    return name.strip(), value


async def resume(thread: str, json: bool) -> int:
    async with open_application(read_settings()) as app:
        found = await app.threads.find(thread)
        if not json:
            out().print(safe(f"{found['subject']} · thread {found['id']} · {found['status']}"))
        return await advance(app, found["id"], json)


async def decide(said: Answered, json: bool) -> int:
    number = review_number(said.review)
    arguments = None if said.args is None else read_arguments(said.args)
    if not said.no_wait:
        _get_ready_to_run()
    async with open_application(read_settings()) as app:
        person = at_keyboard(said.person)
        wire = cast("WireAnswer", said.answer)
        thread_id = await runtime.decide(
            app, number, wire, person, arguments=arguments, message=said.message, reserved=not said.no_wait,
            undoable=said.no_wait, verdict=said.verdict, reason=said.reason,
        )  # fmt: skip
        if not json:
            doubt = "" if person.verified else " (name not verified)"
            out().print(safe(f"Review r-{number}: {said.answer}, by {person.name}{doubt}."))
        if said.no_wait:
            await _say_undo(app, number, json)
            return _decided_only(thread_id, number, json)
        try:
            return await advance(app, thread_id, json)
        except ThreadBusy as busy:
            out().print(safe(f"The decision is stored. {busy}"))
            return 0


def _get_ready_to_run() -> None:
    """Import LangGraph, which takes a second or more, before a thread is reserved for this process for five."""
    import_module("runtime.running")


async def undo(review: str, person: str | None) -> int:
    number = review_number(review)
    async with open_application(read_settings()) as app:
        await runtime.undo(app, number, at_keyboard(person))
    out().print(safe(f"Review r-{number} is open again; nothing has run."))
    return 0


async def _say_undo(app: Application, number: int, json: bool) -> None:
    if not json and (until := (await app.reviews.get(number))["effective_at"]):
        out().print(safe(f"It takes effect at {until.astimezone():%H:%M:%S}; until then: {program()} undo r-{number}"))


def read_arguments(path: Path) -> dict[str, Any]:
    """The object in a JSON or YAML file. Raises BadInput naming the file and the reason."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return from_yaml(text)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text (byte {error.start}).") from None
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


async def advance(app: Application, thread_id: str, json: bool) -> int:
    app.novelty.warm_up()
    try:
        with Progress(quiet=json) as progress:
            thread = await runtime.advance(app, thread_id, progress)
    except ClassifiedError as error:
        raise AutonomyError(f"{error} The thread is safe; then: autonomy resume {thread_id}") from error
    waiting = [row for row in await app.reviews.waiting(thread_id) if row["state"] == "open"]
    if json:
        reviews = [f"r-{row['number']}" for row in waiting]
        print_json(
            {"thread_id": thread_id, "status": thread["status"], "review_id": reviews[0] if reviews else None}
            | pick(thread, ["subject", "model", "ending"])
        )
        return 0
    for row in waiting:
        print_review(await app.reviews.get(row["number"]))
    if thread["status"] != "waiting":
        reason = f": {thread['ending']['reason']}" if thread["ending"] and thread["ending"]["reason"] else ""
        out().print()
        out().print(safe(f"{thread['subject']} · {thread['status']}{reason}"))
        out().print(safe(f"  {program()} show {thread_id}"))
    return 0


def _decided_only(thread_id: str, number: int, json: bool) -> int:
    if json:
        print_json({"thread_id": thread_id, "status": "waiting", "review_id": f"r-{number}"})
    else:
        out().print(safe(f"  {program()} resume {thread_id}"))
    return 0


async def _print_started(app: Application, new: NewThread, thread_id: str) -> None:
    authority = f"authority: {_authority(app, new.domain)}, {await _certified(app, new.tenant)}"
    out().print(safe(f"{new.subject} · thread {thread_id} · {authority}"))


async def _print_setting(app: Application, model: str, search: str = "") -> None:
    counts = await app.counts()
    where = "DATABASE_URL" if app.settings.database_url else f"embedded in {short(app.settings.home)}"
    version = str(counts["server_version"]).split(" ")[0]
    out().print(safe(f"PostgreSQL {version}, {where}" + (f"      search: {search}" if search else "")))
    out().print(safe(f"model: {model}"))
    out().print()


async def _certified(app: Application, tenant: str) -> str:
    """What is done without asking."""
    found = [level for level in await levels(app, tenant) if level.current and level.held.alone]
    if not found:
        return "nothing certified yet, so decisions are asked"
    return f"alone within what is certified: {', '.join(level.place.task_type for level in found)}"


def _authority(app: Application, domain: str) -> str:
    """The level of most task types, and of those that have another one."""
    levels = app.authority([spec.name for spec in app.domain(domain).tools.values() if spec.decision_point])
    same = len({level.level for level in levels.values()}) == 1
    words = [str(level.level) if same else f"{name} {level.level}" for name, level in levels.items()]
    lowered = any("AUTONOMY_AUTHORITY" in reason for level in levels.values() for reason in level.reasons)
    levels_said = ", ".join(words[:1] if same else words)
    return f"{levels_said} ({app.settings.environment}{', lowered by AUTONOMY_AUTHORITY' if lowered else ''})"
