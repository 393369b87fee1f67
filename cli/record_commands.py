"""Commands about what is recorded, and their options. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import BadInput

Finish = Callable[[Coroutine[Any, Any, int]], None]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
ThreadId = Annotated[str, typer.Argument(metavar="THREAD", help="A thread's id, or how it begins.")]
ReviewId = Annotated[str, typer.Argument(metavar="REVIEW", help="A review's number, such as r-41.")]
Place = Annotated[
    str, typer.Option("--at", metavar="CHECKPOINT", help="A step of `autonomy history`, or a checkpoint's id.")
]
As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who you are; recorded as not verified.")]


def _one(thread: str | None, every: bool) -> str:
    if thread is None or every:
        raise BadInput("Say which thread, or --all.")
    return thread


def add_to(app: typer.Typer, finish: Finish) -> None:
    """`finish` runs a command and ends the program with its exit code."""

    @app.command()
    def verify(
        thread: Annotated[str | None, typer.Argument(metavar="[THREAD]", help="A thread's id.")] = None,
        every: Annotated[bool, typer.Option("--all", help="Every thread.")] = False,
        json: Json = False,
    ) -> None:
        """Walk the chains of events, and say where anything was changed, removed or moved. Exit 1 if so."""
        from cli import verify as command

        finish(command.verify(thread, every, json))

    @app.command()
    def history(thread: ThreadId, json: Json = False) -> None:
        """A thread's checkpoints: which step ran, what it changed, what waits."""
        from cli import history as command

        finish(command.history(thread, json))

    @app.command()
    def state(thread: ThreadId, at: Place, json: Json = False) -> None:
        """The state of a thread as it was at one checkpoint."""
        from cli import history as command

        finish(command.state(thread, at, json))

    @app.command()
    def replay(
        thread: Annotated[str | None, typer.Argument(metavar="[THREAD]", help="A thread's id.")] = None,
        every: Annotated[bool, typer.Option("--all", help="Every thread that was run.")] = False,
        since: Annotated[
            str | None, typer.Option(metavar="DATE", help="With --all: started on that day or later.")
        ] = None,
        anyway: Annotated[
            bool, typer.Option("--anyway", help="Also what another version recorded; what differs is said first.")
        ] = False,
        json: Json = False,
    ) -> None:
        """Run a recorded thread again, every answer from the record. Exit 1 when it decides otherwise, 2 when graph,
        behaviour or rules are others by now."""
        from cli import replay as command

        finish(command.run(None if every and not thread else _one(thread, every), since, json, anyway=anyway))

    @app.command()
    def backtest(
        thread: Annotated[str | None, typer.Argument(metavar="[THREAD]", help="A thread's id.")] = None,
        every: Annotated[bool, typer.Option("--all", help="Every thread that was run.")] = False,
        since: Annotated[
            str | None, typer.Option(metavar="DATE", help="With --all: started on that day or later.")
        ] = None,
        policies: Annotated[
            Path | None, typer.Option(metavar="FOLDER", help="Rules instead of AUTONOMY_POLICIES.")
        ] = None,
        weights: Annotated[
            str | None,
            typer.Option(metavar="A,B,C", help="Shares of low confidence, novelty and history in the score."),
        ] = None,
        threshold: Annotated[float | None, typer.Option(metavar="SCORE", help="Up to which a task acts alone.")] = None,
        json: Json = False,
    ) -> None:
        """What would have been decided under other rules, weights or another threshold, and what under these."""
        from cli import backtest as command

        supposed = command.Supposed(policies, weights, threshold)
        finish(command.run(None if every and not thread else _one(thread, every), since, supposed, json))

    @app.command()
    def fork(
        thread: ThreadId,
        at: Place,
        edit: Annotated[
            Path | None,
            typer.Option(metavar="FILE", help="JSON or YAML that is merged over the state; see docs/record.md."),
        ] = None,
        live: Annotated[bool, typer.Option("--live", help="Let the copy's tools reach outside.")] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask about effects that may be done again.")] = False,
        person: As = None,
        no_wait: Annotated[bool, typer.Option("--no-wait", help="Only make the copy; do not run it.")] = False,
        json: Json = False,
    ) -> None:
        """Copy a thread from one of its checkpoints and run the copy on; the thread itself stays as it is."""
        from cli import fork as command

        finish(command.fork(command.Asked(thread, at, edit, live, yes, person, no_wait), json))

    @app.command()
    def failures(
        failure_class: Annotated[
            str | None, typer.Option("--class", metavar="CLASS", help="Only of this class.")
        ] = None,
        since: Annotated[str | None, typer.Option(metavar="DATE", help="On that day or later.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
        json: Json = False,
    ) -> None:
        """What went wrong, newest first: how often it was tried, who gets it, and what it speaks for."""
        from cli import failures as command

        finish(command.failures(failure_class, since, limit, json))

    @app.command()
    def packet(thread: ThreadId, json: Json = False) -> None:
        """All that somebody needs who has never seen a thread and is to act on it; Markdown."""
        from cli import packet as command

        finish(command.packet(thread, json))

    @app.command(name="take-over")
    def take_over(review: ReviewId, person: As = None, json: Json = False) -> None:
        """Do yourself what is in a thread's way: the review is yours, and the thread waits."""
        from cli import handoffs as command

        finish(command.take_over(review, person, json))

    @app.command(name="hand-back")
    def hand_back(
        review: ReviewId,
        result: Annotated[
            str, typer.Option(metavar="FILE|TEXT", help="What you did, in words; or the tool's result as JSON.")
        ] = "",
        secret: Annotated[
            list[str] | None,
            typer.Option(metavar="NAME", help="Asks for a secret that only the tool gets; may be repeated."),
        ] = None,
        person: As = None,
        no_wait: Annotated[bool, typer.Option("--no-wait", help="Only hand back; do not run the thread on.")] = False,
        json: Json = False,
    ) -> None:
        """Hand back what you have taken over, with the result, and run the thread on."""
        from cli import handoffs as command

        finish(command.hand_back(command.HandedBack(review, result, secret or (), person, no_wait), json))

    @app.command()
    def costs(
        thread: Annotated[str | None, typer.Option(metavar="THREAD", help="Only this thread.")] = None,
        keyword: Annotated[bool, typer.Option("--keyword", help="A line a keyword.")] = False,
        by_day: Annotated[bool, typer.Option("--day", help="A line a day, in UTC.")] = False,
        since: Annotated[str | None, typer.Option(metavar="DATE", help="Calls of that day or later.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
        json: Json = False,
    ) -> None:
        """Tokens, cost and latency of model calls: a line a thread, keyword or day."""
        from cli import costs as command

        if keyword and by_day:
            raise BadInput("Say --keyword or --day, not both.")
        finish(command.costs("keyword" if keyword else "day" if by_day else "thread", thread, since, limit, json))
