"""A worker: takes up threads that can go on, one job each, and hands back those it must leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import psycopg
from langgraph.runtime import RunControl

from core.errors import AutonomyError, NotFound, ThreadBusy, ThreadEnded
from core.state import Json
from graph.version import GRAPH_VERSION
from runtime.bugs import kept
from runtime.threads import advance
from runtime.wiring import Application
from store.audits import AuditStore
from store.database import unavailable

_SWEEP_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.25
"""Between two looks whether a database that is away is back."""
_AUDITS_SECONDS: Final = 3600.0
_HOLD_BACK_SECONDS: Final = 60.0
"""How long a thread that could not be begun, such as one whose model is not to be had, is left alone."""

_PEOPLE_SECONDS: Final = 5.0
PEOPLE: Final = "people"
DATABASE: Final = "database"
RULES: Final = "rules"
"""Stands in a report in the place of a thread's id."""

Report = Callable[[str, str], None]


async def work(app: Application, *, concurrency: int, stopped: asyncio.Event, report: Report) -> None:
    """Run what can go on until `stopped`; then every thread under way is handed back before its next step.

    `report` gets (thread, what came of it) before the thread's job is finished, and (DATABASE, what is the matter).
    """
    worker = _Worker(app, stopped, report)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.sweep())
        group.create_task(worker.drain())
        group.create_task(worker.tell())
        await app.jobs.work(worker.run, concurrency, stopped, worker.outage)


@dataclass(slots=True)
class _Worker:
    app: Application
    stopped: asyncio.Event
    report: Report
    running: dict[str, RunControl] = field(default_factory=dict)
    away: bool = False
    audits_due: float = 0.0
    learning_due: float = 0.0

    async def run(self, thread_id: str) -> None:
        """One job."""
        if self.stopped.is_set():
            return
        control = self.running[thread_id] = RunControl()
        try:
            said = await self._advanced(thread_id, control)
        finally:
            del self.running[thread_id]
        if said:
            self.report(thread_id, said)

    async def _advanced(self, thread_id: str, control: RunControl) -> str:
        """What came of it; empty when the job was for nothing, and when the database is away."""
        steps: list[str] = []

        def observe(node: str, changes: Json) -> None:
            steps.append(node)

        try:
            thread = await advance(self.app, thread_id, observe, control, by_worker=True)
        except (ThreadBusy, ThreadEnded, NotFound):
            return ""
        except AutonomyError as error:
            await self._hold_back(thread_id)
            return str(error)
        except psycopg.OperationalError as error:
            self.outage(error)
            return ""
        except Exception as error:  # noqa: BLE001 - the shell of a thread: its bug must not end the others
            return f"A bug of ours: {type(error).__name__}. Please report {kept(error)}"
        if thread["status"] == "waiting" and not steps:
            return ""
        reason = f": {thread['ending']['reason']}" if thread["ending"] and thread["ending"]["reason"] else ""
        return f"{thread['status']}{reason}"

    async def _hold_back(self, thread_id: str) -> None:
        try:
            await self.app.threads.hold_back(thread_id, _HOLD_BACK_SECONDS)
        except psycopg.OperationalError as error:
            self.outage(error)

    async def sweep(self) -> None:
        while not self.stopped.is_set():
            try:
                await self.app.jobs.sweep(GRAPH_VERSION)
                await self._give_up_audits()
                self.outage(None)
                await self._look_at_rules()
            except psycopg.OperationalError as error:
                self.outage(error)
            try:
                await asyncio.wait_for(self.stopped.wait(), _LOOK_SECONDS if self.away else _SWEEP_SECONDS)
            except TimeoutError:
                continue

    async def _look_at_rules(self) -> None:
        """Changed rules decide from the next run on; a file that cannot be used changes nothing, and is said once."""
        if line := await asyncio.to_thread(self.app.rules.look):
            self.report(RULES, line)

    async def _give_up_audits(self) -> None:
        """Now and then: an audit that nobody answers must not stay open for ever."""
        now = asyncio.get_running_loop().time()
        if now < self.audits_due:
            return
        self.audits_due = now + _AUDITS_SECONDS
        await AuditStore(self.app.pool).give_up(None)

    async def tell(self) -> None:
        """Tell people of what waits for them, and end what nobody decided in time. Nothing here may end the others."""
        from runtime import notices

        while not self.stopped.is_set():
            try:
                if (hours := self.app.settings.review_expires_hours) is not None:
                    for number in await self.app.reviews.expire(hours):
                        self.report(PEOPLE, f"review r-{number} has expired, and its thread is stopped")
                for line in await notices.tell(self.app):
                    self.report(PEOPLE, line)
                await self._learn()
            except psycopg.OperationalError as error:
                self.outage(error)
            except Exception as error:  # noqa: BLE001 - the shell of this task: threads must run on
                self.report(PEOPLE, f"A bug of ours: {type(error).__name__}. Please report {kept(error)}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopped.wait(), _PEOPLE_SECONDS)

    async def _learn(self) -> None:
        """Now and then: what was judged may say what a stated confidence is worth."""
        from runtime import learning

        now = asyncio.get_running_loop().time()
        if now < self.learning_due:
            return
        self.learning_due = now + _AUDITS_SECONDS
        for place in await learning.recalibrate(self.app):
            self.report(PEOPLE, f"what {place.task_type} of {place.tenant} states of itself is recalibrated")

    async def drain(self) -> None:
        await self.stopped.wait()
        for control in self.running.values():
            control.request_drain("shutdown")

    def outage(self, error: Exception | None) -> None:
        """Say once that the database is away, and once that it is back."""
        if error is not None and not self.away:
            self.report(DATABASE, str(unavailable(self.app.url, error)))
        if error is None and self.away:
            self.report(DATABASE, "It answers again.")
        self.away = error is not None
