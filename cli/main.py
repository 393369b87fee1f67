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
operations = typer.Typer(help="What was done to the world, under which key.", invoke_without_command=True)
app.add_typer(operations, name="operations")
evaluations = typer.Typer(help="Evaluations of this release, from the source tree.", no_args_is_help=True)
app.add_typer(evaluations, name="eval")


class FileFirst(typer.core.TyperGroup):
    """`batch FILE` is short for `batch add FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["add", *args]
        return list(super().parse_args(ctx, args))


batch = typer.Typer(
    help="A file of keywords: `autonomy batch keywords.csv` adds it, the other commands look at it and hold it up.",
    cls=FileFirst,
    no_args_is_help=True,
)
app.add_typer(batch, name="batch")
notify = typer.Typer(help="Who is told of what waits, and how.", invoke_without_command=True)
app.add_typer(notify, name="notify")
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
def undo(
    review: Annotated[str, typer.Argument(metavar="REVIEW", help="A review's number, such as r-41.")],
    person: As = None,
) -> None:
    """Take back your approval of what cannot be undone, in the seconds before it takes effect."""
    from cli import threads

    _finish(threads.undo(review, person))


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
def stop(
    thread: Annotated[str, typer.Argument(metavar="THREAD", help="A thread's id, how it begins, or a batch (b-7).")],
    message: Annotated[str, typer.Option(help="Why.")] = "",
    person: As = None,
    json: Json = False,
) -> None:
    """End a thread, or all of a batch, for good; what is being run stops before its next step."""
    if thread.startswith("b-"):
        from cli import batch as batches

        return _finish(batches.stop(thread, person, json))
    from cli import worker as workers

    return _finish(workers.stop(thread, message, person, json))


@app.command()
def worker(
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Threads at a time; AUTONOMY_WORKER_CONCURRENCY otherwise.")
    ] = None,
) -> None:
    """Run threads on: queued ones, decided ones, and those of a process that died."""
    from cli import worker as workers

    _finish(workers.worker(concurrency))


@app.command()
def console(port: Annotated[int, typer.Option(min=1, max=65535)] = 8501) -> None:
    """Open the page on which people review, without a worker. Listens on this machine only."""
    from cli import console_command

    _finish(console_command.console(port))


@app.command()
def up(port: Annotated[int, typer.Option(min=1, max=65535)] = 8501) -> None:
    """Start the database, a worker and the page on which people review."""
    from cli import console_command

    _finish(console_command.up(port))


@batch.command("add")
def batch_add(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="Columns: keyword; if you like locale, profile, priority, due.")
    ],
    profile: Annotated[Path | None, typer.Option(metavar="FILE", help="For lines that name none.")] = None,
    locale: Annotated[str, typer.Option(help="For lines that name none.")] = "en-US",
    again: Annotated[bool, typer.Option("--again", help="New threads for keywords whose thread has ended.")] = False,
    person: As = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Only add; do not watch.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Every line that is skipped.")] = False,
    json: Json = False,
) -> None:
    """Add a file of keywords and watch the workers run them; what is known already is not added twice."""
    from cli import batch as batches

    _finish(batches.add(batches.Asked(file, profile, locale, again, person, no_wait, verbose), json))


Batch = Annotated[str, typer.Argument(metavar="BATCH", help="A batch's number, such as b-7.")]


@batch.command("show")
def batch_show(number: Batch, json: Json = False) -> None:
    """How far a batch is."""
    from cli import batch as batches

    _finish(batches.show(number, json))


@batch.command("list")
def batch_list(limit: Annotated[int, typer.Option(min=1, max=1000)] = 20, json: Json = False) -> None:
    """Batches, newest first."""
    from cli import batch as batches

    _finish(batches.listed(limit, json))


@batch.command("pause")
def batch_pause(number: Batch, json: Json = False) -> None:
    """Begin nothing more of a batch; what runs goes on to its next stop."""
    from cli import batch as batches

    _finish(batches.pause(number, True, json))


@batch.command("resume")
def batch_resume(number: Batch, json: Json = False) -> None:
    """Let a paused batch go on."""
    from cli import batch as batches

    _finish(batches.pause(number, False, json))


@batch.command("stop")
def batch_stop(number: Batch, person: As = None, json: Json = False) -> None:
    """Stop every thread of a batch that has not ended."""
    from cli import batch as batches

    _finish(batches.stop(number, person, json))


@app.command()
def prune(
    older_than: Annotated[str, typer.Option("--older-than", metavar="90d", help="12h, 90d or 4w, since it ended.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
    json: Json = False,
) -> None:
    """Delete what threads that ended long ago no longer need. Events, reviews and operations are kept for ever."""
    from cli import prune as pruning

    _finish(pruning.prune(older_than, dry_run, json))


class OccasionWord(StrEnum):
    """The occasions of core/vocabulary.py."""

    new = "new"
    due = "due"
    overdue = "overdue"
    digest = "digest"


NoticeNumber = Annotated[int, typer.Argument(metavar="N", min=1, help="Its number in `autonomy notify`.")]


@notify.callback()
def list_notifications(context: typer.Context, json: Json = False) -> None:
    """Who is told of what waits; `add`, `remove` or `test` one."""
    if context.invoked_subcommand is None:
        from cli import notify as commands

        _finish(commands.listed(json))


@notify.command("list")
def notify_list(json: Json = False) -> None:
    """Who is told of what waits. Addresses are never shown whole."""
    from cli import notify as commands

    _finish(commands.listed(json))


@notify.command("add")
def notify_add(
    address: Annotated[str, typer.Argument(metavar="URL", help="An apprise address (mailto://…), or env:NAME.")],
    on: Annotated[OccasionWord, typer.Option("--on", help="new, due, overdue or digest.")] = OccasionWord.new,
    task_type: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    tier: Annotated[str | None, typer.Option(help="Only read-only, reversible or irreversible ones.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only this company's.")] = None,
    assign: Annotated[str | None, typer.Option(metavar="NAME", help="For overdue: who is asked then.")] = None,
    hours: Annotated[
        float | None, typer.Option(min=0, help="Before it is due (0.5), after (0), or between digests (24).")
    ] = None,
) -> None:
    """Tell somebody. What may hold a password is stored encrypted; safer still is env:NAME of a variable."""
    from cli import notify as commands
    from runtime.notices import NewRule

    _finish(commands.add(NewRule(address, on.value, tenant, task_type, tier, assign, hours)))


@notify.command("remove")
def notify_remove(number: NoticeNumber) -> None:
    """Tell nobody any more, and forget the address."""
    from cli import notify as commands

    _finish(commands.remove(number))


@notify.command("test")
def notify_test(number: NoticeNumber) -> None:
    """Send a line that says nothing. Exit 1 when it is not taken."""
    from cli import notify as commands

    _finish(commands.test(number))


class OperationWord(StrEnum):
    """The states of an operation, as in core/vocabulary.py."""

    started = "started"
    succeeded = "succeeded"
    failed = "failed"
    unknown = "unknown"


OperationKey = Annotated[str, typer.Argument(metavar="KEY", help="An operation's key, or how it begins.")]


@operations.callback()
def list_operations(
    context: typer.Context,
    state: Annotated[OperationWord | None, typer.Option(help="Only operations in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: Json = False,
) -> None:
    """What was done to the world, newest first; `show` one, or `revise` it."""
    if context.invoked_subcommand is None:
        from cli import operations as commands

        _finish(commands.newest(state.value if state else None, limit, json))


@operations.command("show")
def show_operation(key: OperationKey, json: Json = False) -> None:
    """The history of one operation: each attempt, and what people said of it."""
    from cli import operations as commands

    _finish(commands.show(key, json))


@operations.command("revise")
def revise_operation(
    key: OperationKey,
    person: As = None,
    message: Annotated[str, typer.Option(help="Why it has to be done again.")] = "",
    json: Json = False,
) -> None:
    """Open an operation that is over once more: one new request may run under its key."""
    from cli import operations as commands

    _finish(commands.revise(key, person, message, json))


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


@db.command("backup")
def db_backup(file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")]) -> None:
    """Write the whole database into a file, while everything goes on."""
    from cli import database

    _finish(database.backup(file))


@db.command("restore")
def db_restore(file: Annotated[Path, typer.Argument(metavar="FILE", help="What db backup wrote.")]) -> None:
    """Fill an empty database from a file of db backup."""
    from cli import database

    _finish(database.restore(file))


@db.command("stop")
def db_stop() -> None:
    """Stop the embedded server; it is started again when it is needed."""
    from cli import database

    _finish(database.stop())


@evaluations.command("reliability")
def eval_reliability(
    short: Annotated[bool, typer.Option("--short", help="The form that the tests run; about a minute.")] = False,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A scenario; may be repeated.")] = None,
    write: Annotated[Path | None, typer.Option(metavar="FILE", help="Put the table into a Markdown file.")] = None,
    json: Json = False,
) -> None:
    """Kill, stop, cut and double what runs, and count what took effect. Exit 1 when something is not as required."""
    from cli import evaluate

    _finish(evaluate.reliability(evaluate.flags(short, only or (), json, write)))


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
        from runtime.bugs import kept

        print(f"A bug of ours: {type(error).__name__}. Threads are safe. Please report {kept(error)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
