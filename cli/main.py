"""Commands and their options. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import record_commands
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


audit = typer.Typer(help="What ran alone and is looked at afterwards.", invoke_without_command=True)
app.add_typer(audit, name="audit")
levels = typer.Typer(help="How far each task type goes alone, and why not further.", invoke_without_command=True)
app.add_typer(levels, name="levels")
memory = typer.Typer(help="What the agent is told of the world it works in.", no_args_is_help=True)
app.add_typer(memory, name="memory")
novelty = typer.Typer(help="The index of past tasks, for telling what is new.", no_args_is_help=True)
app.add_typer(novelty, name="novelty")
outcomes = typer.Typer(help="What became of the agent's proposals.", invoke_without_command=True)
app.add_typer(outcomes, name="outcomes")


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

mcp = typer.Typer(help="MCP servers: which of their tools an agent may use, and as what.", no_args_is_help=True)
app.add_typer(mcp, name="mcp")
roles = typer.Typer(help="Who may approve what.", invoke_without_command=True)
app.add_typer(roles, name="roles")

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


class VerdictWord(StrEnum):
    """On the agent's own proposal, as in core/vocabulary.py."""

    right = "right"
    wrong = "wrong"
    unclear = "unclear"


class ReasonWord(StrEnum):
    """What was wrong with it, as in core/vocabulary.py."""

    wrong_intent = "wrong_intent"
    generic_pov = "generic_pov"
    no_relevance = "no_relevance"
    fact = "fact"
    voice = "voice"
    links = "links"
    other = "other"


class LevelWord(StrEnum):
    """Authority, as in core/vocabulary.py."""

    observe = "observe"
    suggest = "suggest"
    prefill = "prefill"
    execute = "execute"


class StageWord(StrEnum):
    """Stages that can be granted without a certificate, as in core/vocabulary.py; matrix takes that back."""

    full = "full"
    checkpoints = "checkpoints"
    human_tool = "human_tool"
    matrix = "matrix"


Tenant = Annotated[str | None, typer.Option(metavar="TENANT", help="Only this company's.")]
TaskType = Annotated[str, typer.Argument(metavar="TASK_TYPE", help="Such as set_intent.")]
OneTaskType = Annotated[str | None, typer.Option("--task-type", metavar="NAME", help="Only this task type.")]
Why = Annotated[ReasonWord | None, typer.Option("--reason", help="What was wrong with the proposal.")]


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
def start(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="Which kind of work; a wrong one names them.")],
    task: Annotated[Path | None, typer.Option(metavar="FILE", help="The task's fields, as JSON or YAML.")] = None,
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="A field, over the file's; repeatable.")
    ] = None,
    person: As = None,
    json: Json = False,
) -> None:
    """Start a thread of any domain and run it until it waits for a person or is done."""
    from cli import threads

    _finish(threads.start(threads.Given(domain, task, tuple(given or ()), person), json))


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
    verdict: Annotated[
        VerdictWord | None,
        typer.Option(
            help="Was the agent's own proposal right, before any edit? Default: approve is right, reject is wrong, "
            "edit is unclear, which counts as not right."
        ),
    ] = None,
    reason: Why = None,
    person: As = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Only decide; do not run the thread on.")] = False,
    json: Json = False,
) -> None:
    """Decide on a review, once, and run its thread on."""
    from cli import threads

    said = threads.Answered(review, answer.value, args, message, person, no_wait, _value(verdict), _value(reason))
    _finish(threads.decide(said, json))


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
def show(
    thread: ThreadId,
    why: Annotated[int | None, typer.Option(metavar="STEP", help="One step on one page: all that it rests on.")] = None,
    json: Json = False,
) -> None:
    """A thread's timeline: what it did, and why."""
    if why is not None:
        from cli import why as page

        _finish(page.why(thread, why, json))
        return
    from cli import reading

    _finish(reading.show(thread, json))


@app.command()
def doctor(json: Json = False) -> None:
    """What is set up, what is missing, and how to fix it."""
    from cli import doctor as checks

    _finish(checks.doctor(json))


Reason = Annotated[str, typer.Option("--reason", "--message", help="Why.")]
Domain = Annotated[str | None, typer.Option(metavar="DOMAIN", help="Only this domain.")]


@app.command()
def stop(
    thread: Annotated[
        str | None, typer.Argument(metavar="THREAD", help="A thread's id, how it begins, or a batch (b-7).")
    ] = None,
    domain: Domain = None,
    every: Annotated[bool, typer.Option("--all", help="Every thread of every domain.")] = False,
    message: Reason = "",
    person: As = None,
    json: Json = False,
) -> None:
    """End a thread, a batch, a domain's threads or all, for good; what is being run stops before its next step."""
    if (thread is not None) + (domain is not None) + every != 1:
        raise typer.BadParameter("Give one of: THREAD, --domain DOMAIN, --all.")
    if thread is None:
        from cli import controls

        return _finish(controls.stop(domain, message, person, json))
    if thread.startswith("b-"):
        from cli import batch as batches

        return _finish(batches.stop(thread, person, json))
    from cli import worker as workers

    return _finish(workers.stop(thread, message, person, json))


class EnvironmentWord(StrEnum):
    """The environments of core/vocabulary.py."""

    local = "local"
    staging = "staging"
    production = "production"


class SwitchWord(StrEnum):
    """What can be said of a lockdown."""

    on = "on"
    off = "off"


@app.command()
def lockdown(
    state: Annotated[SwitchWord | None, typer.Argument(metavar="[on|off]", help="Without it: what is on.")] = None,
    domain: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="Only this domain, or one tenant's agent of it: TENANT/DOMAIN.")
    ] = None,
    environment: Annotated[EnvironmentWord | None, typer.Option(help="Only this environment.")] = None,
    reason: Reason = "",
    person: As = None,
    json: Json = False,
) -> None:
    """Let nothing through that is not read-only, whatever was approved; or lift that again."""
    from cli import controls

    if state is None:
        return _finish(controls.show_lockdown(json))
    switch = controls.lock_down if state is SwitchWord.on else controls.lift
    return _finish(switch(domain, environment.value if environment else None, reason, person, json))


@app.command()
def limits(
    thread: Annotated[str | None, typer.Argument(metavar="THREAD", help="Also what this thread has used.")] = None,
    json: Json = False,
) -> None:
    """What is used, reserved and left of each limit."""
    from cli import controls

    _finish(controls.limits(thread, json))


class RoleWord(StrEnum):
    """The roles of core/vocabulary.py."""

    viewer = "viewer"
    reviewer = "reviewer"
    publisher = "publisher"
    admin = "admin"


PersonName = Annotated[str, typer.Argument(metavar="NAME", help="As the account or the login has it.")]
WhoseRoles = Annotated[str, typer.Option("--tenant", metavar="TENANT", help="A company profile's id; * is every one.")]


@roles.callback()
def list_roles(context: typer.Context, json: Json = False) -> None:
    """Who may approve what; `set` a role, or `remove` it."""
    if context.invoked_subcommand is None:
        from cli import controls

        _finish(controls.list_roles(json))


@roles.command("set")
def set_role(name: PersonName, role: RoleWord, tenant: WhoseRoles = "*", person: As = None, json: Json = False) -> None:
    """Give a person a role. The first one has to be an admin's; from then on only admins give roles."""
    from cli import controls

    _finish(controls.set_role(name, role.value, tenant, person, json))


@roles.command("remove")
def remove_role(name: PersonName, tenant: WhoseRoles = "*", person: As = None, json: Json = False) -> None:
    """Take a person's role."""
    from cli import controls

    _finish(controls.remove_role(name, tenant, person, json))


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
    revoked = "revoked"


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
    on: Annotated[OccasionWord, typer.Option("--on", help="new, due, overdue, digest or revoked.")] = OccasionWord.new,
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


@evaluations.command("escalation")
def eval_escalation(
    short: Annotated[bool, typer.Option("--short", help="Fourteen streams for each limit instead of 2,240.")] = False,
) -> None:
    """Is autonomy earned and lost as promised? On real judgements, with intervals. Exit 1 when a bar is missed."""
    from cli import evaluate

    _finish(evaluate.escalation(short))


@evaluations.command("red-team")
def eval_red_team(
    short: Annotated[bool, typer.Option("--short", help="Every eighth attack and task.")] = False,
) -> None:
    """Attack the agent through all that it reads, and count what takes effect. Exit 1 when anything does unasked."""
    from cli import evaluate

    _finish(evaluate.red_team(short))


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


@outcomes.callback()
def list_outcomes(
    context: typer.Context,
    tenant: Tenant = None,
    task_type: OneTaskType = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: Json = False,
) -> None:
    """What became of the agent's proposals, newest first; `import` results that come later, or `export`."""
    if context.invoked_subcommand is None:
        from cli import outcomes as commands

        _finish(commands.listed(tenant, task_type, limit, json))


@outcomes.command("list")
def outcomes_list(
    tenant: Tenant = None,
    task_type: OneTaskType = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: Json = False,
) -> None:
    """What became of the agent's proposals, newest first."""
    from cli import outcomes as commands

    _finish(commands.listed(tenant, task_type, limit, json))


@outcomes.command("import")
def outcomes_import(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv",
            help="Columns: thread, or site and slug; verdict, reason, better, metric, value, measured_at, task_type.",
        ),
    ],
    person: As = None,
    json: Json = False,
) -> None:
    """Add rankings, conversions and verdicts that come later. The same line twice adds nothing."""
    from cli import outcomes as commands

    _finish(commands.imported(file, person, json))


@outcomes.command("export")
def outcomes_export(
    file: Annotated[Path | None, typer.Argument(metavar="FILE.csv", help="A new file; default: print.")] = None,
    tenant: Tenant = None,
    task_type: OneTaskType = None,
) -> None:
    """The whole log as CSV."""
    from cli import outcomes as commands

    _finish(commands.exported(file, tenant, task_type))


class TrustWord(StrEnum):
    """Where something comes from, as in core/vocabulary.py."""

    person = "person"
    profile = "profile"
    trusted = "trusted"
    untrusted = "untrusted"


WhoseMemory = Annotated[str, typer.Option("--tenant", metavar="TENANT", help="Whose.")]


@memory.command("list")
def memory_list(tenant: WhoseMemory, json: Json = False) -> None:
    """The facts that hold, and those that contradict each other."""
    from cli import memory as commands

    _finish(commands.listed(tenant, json))


@memory.command("add")
def memory_add(
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="What it is about, such as price of the team plan.")
    ],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="What is so.")],
    tenant: WhoseMemory,
    source: Annotated[str | None, typer.Option(help="Where it is from. Default: you.")] = None,
    trust: Annotated[TrustWord, typer.Option(help="How far the source is trusted.")] = TrustWord.person,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="Since when. Default: now.")] = None,
) -> None:
    """Tell a fact. The newer and at least as trusted one holds; if neither is, a person is asked which is true."""
    from cli import memory as commands

    _finish(commands.add(tenant, subject, value, source, trust.value, at))


@memory.command("import")
def memory_import(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A text; its paragraphs become passages.")],
    tenant: WhoseMemory,
    source: Annotated[str, typer.Option(help="Where it is from. Default: the file's name.")] = "",
    trust: Annotated[TrustWord, typer.Option(help="How far the source is trusted.")] = TrustWord.untrusted,
) -> None:
    """Give the agent a text to find passages in."""
    from cli import memory as commands

    _finish(commands.read_in(tenant, file, source, trust.value))


@novelty.command("rebuild")
def novelty_rebuild(json: Json = False) -> None:
    """Build the index of past tasks again from the database."""
    from cli import novelty as commands

    _finish(commands.rebuild(json))


AuditNumber = Annotated[int, typer.Argument(metavar="N", min=1, help="An audit's number.")]
Note = Annotated[str, typer.Option("--message", help="What you saw.")]


@audit.callback()
def list_audits(
    context: typer.Context,
    tenant: Tenant = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: Json = False,
) -> None:
    """What ran alone and waits to be looked at, oldest first; then `show`, and `right`, `wrong` or `unclear`."""
    if context.invoked_subcommand is None:
        from cli import audits

        _finish(audits.listed(tenant, limit, json))


@audit.command("list")
def audit_list(
    tenant: Tenant = None, limit: Annotated[int, typer.Option(min=1, max=1000)] = 50, json: Json = False
) -> None:
    """What ran alone and waits to be looked at, oldest first."""
    from cli import audits

    _finish(audits.listed(tenant, limit, json))


@audit.command("show")
def audit_show(number: AuditNumber, json: Json = False) -> None:
    """One proposal that ran alone."""
    from cli import audits

    _finish(audits.show(number, json))


@audit.command("right")
def audit_right(number: AuditNumber, message: Note = "", person: As = None, json: Json = False) -> None:
    """It was right."""
    from cli import audits

    _finish(audits.judge(number, "right", None, message, person, json))


@audit.command("wrong")
def audit_wrong(
    number: AuditNumber, reason: Why = None, message: Note = "", person: As = None, json: Json = False
) -> None:
    """It was wrong. Enough of these and the task type asks again."""
    from cli import audits

    _finish(audits.judge(number, "wrong", _value(reason), message, person, json))


@audit.command("unclear")
def audit_unclear(
    number: AuditNumber, reason: Why = None, message: Note = "", person: As = None, json: Json = False
) -> None:
    """It cannot be told, which counts as not right."""
    from cli import audits

    _finish(audits.judge(number, "unclear", _value(reason), message, person, json))


@audit.command("plant")
def audit_plant(
    tenant: Annotated[str, typer.Option(metavar="TENANT", help="Whose audits.")],
    task_type: OneTaskType = None,
    count: Annotated[int, typer.Option(min=1, max=1000)] = 5,
    json: Json = False,
) -> None:
    """Put proposals that are known to be wrong among the audits, to learn how many errors reviewers miss."""
    from cli import audits

    _finish(audits.plant(tenant, task_type, count, json))


@audit.command("give-up")
def audit_give_up(
    days: Annotated[float, typer.Option(min=0, help="How long they have waited.")] = 14.0,
    tenant: Tenant = None,
    json: Json = False,
) -> None:
    """Enter audits that nobody has answered as unclear; workers do so after 14 days."""
    from cli import audits

    _finish(audits.give_up(tenant, days, json))


@levels.callback()
def list_levels(
    context: typer.Context,
    tenant: Tenant = None,
    every: Annotated[bool, typer.Option("--all", help="Earlier behaviour versions too.")] = False,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Compute everything again from the log. Exit 1 when anything differs.")
    ] = False,
    json: Json = False,
) -> None:
    """How far each task type goes alone, on what evidence, and what it takes to do more."""
    if context.invoked_subcommand is None:
        from cli import levels as commands

        _finish(commands.recompute(json) if recompute else commands.listed(tenant, every, json))


@levels.command("show")
def levels_show(task_type: TaskType, tenant: Tenant = None, json: Json = False) -> None:
    """One task type: the bounds in words, its audits, its control quality, and every change of its level."""
    from cli import levels as commands

    _finish(commands.show(task_type, tenant, json))


Level = Annotated[LevelWord, typer.Argument(help="observe, suggest, prefill or execute.")]
OfTenant = Annotated[str, typer.Option("--tenant", metavar="TENANT", help="Whose.")]
SaidWhy = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept with the change.")]


@levels.command("grant")
def levels_grant(
    task_type: TaskType,
    level: Level,
    tenant: OfTenant,
    reason: SaidWhy,
    stage: Annotated[StageWord | None, typer.Option(help="Waive certification for this stage.")] = None,
    person: As = None,
    json: Json = False,
) -> None:
    """Give a task type a level that it has not earned, until its behaviour version changes."""
    from cli import levels as commands

    _finish(commands.grant(commands.Asked(task_type, level.value, tenant, reason, person), _value(stage), json))


@levels.command("lower")
def levels_lower(
    task_type: TaskType, level: Level, tenant: OfTenant, reason: SaidWhy, person: As = None, json: Json = False
) -> None:
    """Let a task type go no further than a level, whatever it has earned or will earn."""
    from cli import levels as commands

    _finish(commands.lower(commands.Asked(task_type, level.value, tenant, reason, person), json))


@levels.command("raise")
def levels_raise(
    task_type: TaskType, level: Level, tenant: OfTenant, reason: SaidWhy, person: As = None, json: Json = False
) -> None:
    """Take a lowering back, as far as the evidence carries."""
    from cli import levels as commands

    _finish(commands.lift(commands.Asked(task_type, level.value, tenant, reason, person), json))


@levels.command("learn")
def levels_learn(
    task_type: TaskType,
    tenant: OfTenant,
    activate: Annotated[
        bool, typer.Option("--activate", help="Score new threads by it. Evidence begins anew.")
    ] = False,
    back: Annotated[bool, typer.Option("--back", help="Score new threads as usual again.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept with the change.")] = "",
    person: As = None,
    json: Json = False,
) -> None:
    """What its outcomes teach about scoring it: what a stated confidence is worth, and how the parts weigh.

    Says what it would change, with figures of outcomes that were held out; changes nothing without --activate.
    """
    from cli import learning as commands

    if activate and back:
        raise typer.BadParameter("Give --activate or --back, not both.")
    act: commands.Act = "activate" if activate else "back" if back else "look"
    _finish(commands.learn(task_type, tenant, act, reason, person, json))


def _value(word: StrEnum | None) -> Any:
    return None if word is None else word.value


@mcp.command("list")
def mcp_list(json: Json = False) -> None:
    """Every tool of the registry: what it is to us, and whether it is on."""
    from cli import mcp_servers

    _finish(mcp_servers.listed(json))


@mcp.command("review")
def mcp_review(
    server: Annotated[str, typer.Argument(metavar="SERVER", help="A server of the registry.")],
    tool: Annotated[list[str] | None, typer.Option(metavar="TOOL", help="Only this tool; repeatable.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Accept what is shown, without being asked.")] = False,
) -> None:
    """Show what is new or changed in a server's tools, and accept it: only then can an agent use them."""
    from cli import mcp_servers

    _finish(mcp_servers.review(server, tuple(tool or ()), yes))


def _finish(command: Coroutine[Any, Any, int]) -> None:
    import uvloop

    try:
        code: int = uvloop.run(command)
    except KeyboardInterrupt:
        # Here, and not in main(): typer would end the program without a word.
        print("Stopped. What was finished is stored; carry on with: autonomy resume THREAD", file=sys.stderr)
        code = 130
    if code:
        raise typer.Exit(code)


record_commands.add_to(app, _finish)


def main() -> None:
    """Entry of the `autonomy` command: an error is one line on standard error and an exit code."""
    # A tenth of the start went into looking for garbage among what was only just imported.
    gc.set_threshold(100_000)
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
