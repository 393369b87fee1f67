"""The loop that fetches jobs: procrastinate's worker, made to outlive its database."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition, Job, Notification, Status
from procrastinate.manager import JobManager, NotificationCallback
from procrastinate.worker import Worker
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from store.database import CONNECT_TIMEOUT, WorkingPool, session_options
from store.jobs import HEARTBEAT_SECONDS, STALLED_SECONDS, Outage, Run
from store.sql import query

_QUEUE: Final = "threads"
_POLLING_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 0.25
"""Until a listener that has lost its connection asks for another."""
_NEVER: Final = 1e6
"""Seconds between two looks for jobs to abort; we stop threads, not jobs."""
_LONGEST_PAUSE: Final = 5.0
"""Seconds between two tries to begin again, of which the first comes after half a second."""
_AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError)

_Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]


class JobLoop:
    """Fetches jobs and runs them, at most `concurrency` at a time."""

    def __init__(self, url: str, run: Run, concurrency: int, outage: Outage) -> None:
        self._run = run
        self._concurrency = concurrency
        self._outage = outage
        # Apart from the threads' pool: 200 busy threads must not keep the heartbeat waiting.
        self._pool: _Pool = WorkingPool(
            url,
            min_size=1,
            max_size=3,
            timeout=CONNECT_TIMEOUT,
            check=AsyncConnectionPool.check_connection,
            kwargs={
                "connect_timeout": CONNECT_TIMEOUT,
                "application_name": "autonomy-jobs",
                "options": session_options(url),
            },
            open=False,
        )

    async def until(self, stopped: asyncio.Event) -> None:
        """Returns when the jobs under way at that moment are finished. An error of the database is no end."""
        # What they would log, we say in one line.
        for name in ("procrastinate", "psycopg.pool"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        failures = 0
        async with self._pool as pool:
            app = await self._app(pool)
            while not stopped.is_set():
                began = time.monotonic()
                try:
                    await self._work(app, stopped)
                except ConnectorException as error:
                    self._outage(_cause(error))
                    if time.monotonic() - began > _LONGEST_PAUSE:
                        failures = 0  # it had begun, so this is another outage
                    await _either(stopped, min(_LONGEST_PAUSE, 0.5 * 2**failures))
                    failures += 1

    async def _app(self, pool: _Pool) -> App:
        app = App(connector=PsycopgConnector())
        app.job_manager = _Jobs(app.connector, pool, self._outage)
        app.task(name="advance", queue=_QUEUE)(self._perform)
        await app.connector.open_async(pool)
        return app

    async def _perform(self, thread_id: str) -> None:
        await self._run(thread_id)

    async def _work(self, app: App, stopped: asyncio.Event) -> None:
        worker = Worker(
            app,
            queues=[_QUEUE],
            concurrency=self._concurrency,
            fetch_job_polling_interval=_POLLING_SECONDS,
            abort_job_polling_interval=_NEVER,
            delete_jobs=DeleteJobCondition.ALWAYS,
            install_signal_handlers=False,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_SECONDS,
        )
        stopping = asyncio.create_task(_then(stopped, worker.stop))
        try:
            await worker.run()  # type: ignore[no-untyped-call]  # procrastinate types it not
        finally:
            stopping.cancel()


class _Jobs(JobManager):
    """Procrastinate's manager, for which an outage of the database is something to wait out.

    Its worker does not watch its own heartbeat and listener, and never comes back to a job that it could not finish.
    """

    def __init__(self, connector: Any, pool: _Pool, outage: Outage) -> None:
        super().__init__(connector)
        self._pool = pool
        self._outage = outage
        self._notified = 0
        self._finished: set[int] = set()

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        while True:
            notified = self._notified
            try:
                job = await super().fetch_job(queues, worker_id)
            except ConnectorException as error:
                if not isinstance(error.__cause__, psycopg.errors.ForeignKeyViolation):  # until the next heartbeat
                    self._outage(_cause(error))
                return None
            # The worker forgets what it is told of while it fetches.
            if job is not None or notified == self._notified:
                return job

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        self._finished.add(job.id or 0)
        await self._answered(self._delete_finished)

    async def update_heartbeat(self, worker_id: int) -> None:
        await self._answered(lambda: self._execute("job_heartbeat", worker_id=worker_id))
        if self._finished:
            await self._answered(self._delete_finished)

    async def unregister_worker(self, worker_id: int) -> None:
        await self._answered(lambda: self._execute("job_worker_gone", worker_id=worker_id))

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        async def count(*, channel: str, notification: Notification) -> None:
            self._notified += 1
            await on_notification(channel=channel, notification=notification)

        while True:
            try:
                await super().listen_for_jobs(on_notification=count, queues=queues)
            except (ConnectorException, *_AWAY):
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _delete_finished(self) -> None:
        done = list(self._finished)
        await self._execute("job_finish", ids=done)
        self._finished.difference_update(done)

    async def _execute(self, name: str, **row: Any) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(query(name), row)

    async def _answered(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except _AWAY as error:
            self._outage(error)


def _cause(error: ConnectorException) -> Exception:
    """Why the database could not be asked. Raises what is no outage: a bug of ours."""
    if isinstance(error.__cause__, _AWAY):
        return error.__cause__
    raise error


async def _either(stopped: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopped.wait(), seconds)
    except TimeoutError:
        return


async def _then(stopped: asyncio.Event, stop: Callable[[], None]) -> None:
    await stopped.wait()
    stop()
