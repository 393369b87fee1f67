"""Commands and their options. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import AutonomyError

app = typer.Typer(
    name="autonomy",
    help="Agents that act alone exactly as far as they have earned it.\n\n"
    "Exit codes: 0 done or waiting for a person, 2 bad input, 1 failure.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
db = typer.Typer(help="The database: its address, its revision.", no_args_is_help=True)
app.add_typer(db, name="db")
policy = typer.Typer(help="The rules: what they are, what they come to, why it was decided so.", no_args_is_help=True)
app.add_typer(policy, name="policy")

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who you are; recorded as not verified.")]
ThreadId = Annotated[str, typer.Argument(metavar="THREAD", help="A thread's id, or how it begins.")]


class AnswerWord(StrEnum):
    """What a person can say to a review."""

    approve = "approve"
    edit = "edit"
    reject = "reject"
    respond = "respond"


class StatusWord(StrEnum):
    """The statuses of core/vocabulary.py."""

    queued = "queued"
    running = "running"
    waiting = "waiting"
    taken_over = "taken_over"
    done = "done"
    failed = "failed"
    stopped = "stopped"


@app.command()
def run(
    keyword: Annotated[str, typer.Argument(help="What people search for.")],
    locale: Annotated[str, typer.Option(help="Language, optionally with a country.")] = "en-US",
    profile: Annotated[Path | None, typer.Option(metavar="FILE", help="Company profile (YAML).")] = None,
    serp: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Search results (ours, SerpAPI's or Serper's JSON).")
    ] = None,
    person: As = None,
    json: Json = False,
) -> None:
    """Start a thread for one keyword and run it until it waits for a person or is done."""
    from cli import threads

    _finish(threads.run(threads.Start(keyword, locale, profile, serp, person), json))


@app.command()
def resume(thread: ThreadId, json: Json = False) -> None:
    """Carry on a thread from its last stored step, after a crash or an answered review."""
    from cli import threads

    _finish(threads.resume(thread, json))


@app.command()
def decide(
    review: Annotated[str, typer.Argument(metavar="REVIEW", help="A review's number, such as r-41.")],
    answer: Annotated[AnswerWord, typer.Argument(help="approve, edit, reject or respond.")],
    args: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For edit: the arguments you change, as JSON or YAML.")
    ] = None,
    message: Annotated[str, typer.Option(help="Why, or your answer.")] = "",
    person: As = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Only decide; do not run the thread on.")] = False,
    json: Json = False,
) -> None:
    """Decide on a review, once, and run its thread on."""
    from cli import threads

    _finish(threads.decide(threads.Answered(review, answer.value, args, message, person, no_wait), json))


@app.command()
def inbox(
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: Json = False,
) -> None:
    """What waits for people, newest first."""
    from cli import reading

    _finish(reading.inbox(limit, json))


@app.command(name="threads")
def list_threads(
    status: Annotated[StatusWord | None, typer.Option(help="Only threads of this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: Json = False,
) -> None:
    """Threads, newest first."""
    from cli import reading

    _finish(reading.threads(status.value if status else None, limit, json))


@app.command()
def show(thread: ThreadId, json: Json = False) -> None:
    """A thread's timeline: what it did, and why."""
    from cli import reading

    _finish(reading.show(thread, json))


@app.command()
def doctor(json: Json = False) -> None:
    """What is set up, what is missing, and how to fix it."""
    from cli import doctor as checks

    _finish(checks.doctor(json))


@app.command()
def console(port: Annotated[int, typer.Option(min=1, max=65535)] = 8501) -> None:
    """Open the page on which people review, and run on what they decide. Listens on this machine only."""
    from cli import console_command

    _finish(console_command.console(port))


@db.command("url")
def db_url(json: Json = False) -> None:
    """Print the database's address, starting the embedded server if need be."""
    from cli import database

    _finish(database.url(json))


@db.command("migrate")
def db_migrate() -> None:
    """Bring the database up to this release."""
    from cli import database

    _finish(database.migrate())


@db.command("status")
def db_status(json: Json = False) -> None:
    """Revision of the database and of this release."""
    from cli import database

    _finish(database.status(json))


@db.command("stop")
def db_stop() -> None:
    """Stop the embedded server; it is started again when it is needed."""
    from cli import database

    _finish(database.stop())


@policy.command("check")
def policy_check(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE…", help="Policy files (Cedar) to try.")] = None,
    json: Json = False,
) -> None:
    """Check policy files beside the rules in force, and list all of them."""
    from cli import policy as rules

    _finish(rules.check(files or [], json))


@policy.command("test")
def policy_test(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Cases (YAML); default: those shipped.")] = None,
    json: Json = False,
) -> None:
    """Try a table of cases on the rules in force. Exit 1 when a case comes out differently or a rule never fires."""
    from cli import policy as rules

    _finish(rules.test(file, json))


@policy.command("explain")
def policy_explain(
    thread: ThreadId,
    step: Annotated[int, typer.Argument(metavar="STEP", help="The number that `autonomy show` gives it.")],
    json: Json = False,
) -> None:
    """Which rule decided a step, over which facts, and what would have let it pass."""
    from cli import policy as rules

    _finish(rules.explained(thread, step, json))


def _finish(command: Coroutine[Any, Any, int]) -> None:
    import asyncio

    try:
        code = asyncio.run(command)
    except KeyboardInterrupt:
        # Here, and not in main(): typer would end the program without a word.
        print("Stopped. What was finished is stored; carry on with: autonomy resume THREAD", file=sys.stderr)
        code = 130
    if code:
        raise typer.Exit(code)


def main() -> None:
    """Entry of the `autonomy` command: an error is one line on standard error and an exit code."""
    try:
        app()
    except AutonomyError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        print(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}.", file=sys.stderr)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the outermost shell: a bug of ours is one line too, and is kept whole
        print(f"A bug of ours: {type(error).__name__}. Threads are safe. Please report {_kept(error)}", file=sys.stderr)
        sys.exit(1)


def _kept(error: Exception) -> str:
    """Where the traceback of `error` was written to."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="autonomy-", suffix=".log", delete=False, encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    return file.name


if __name__ == "__main__":
    main()
