"""worker and stop: what runs threads on without a person watching, and what ends one."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from datetime import datetime

import psycopg

from cli.console import out, print_json, program, safe
from runtime import threads
from runtime.people import at_keyboard
from runtime.settings import read_settings
from runtime.wiring import Application, open_application


async def worker(concurrency: int | None) -> int:
    """Until SIGTERM or Ctrl-C, which let each thread finish its step; a second one ends the process at once."""
    from runtime.worker import work  # brings LangGraph, which `stop` does not need

    settings = read_settings()
    async with open_application(settings) as app:
        app.gate  # noqa: B018 - a rule that is broken is refused here, and not thread by thread
        most = concurrency or settings.worker_concurrency
        name = f"{socket.gethostname()}:{os.getpid()}"
        stopped = _stopped()  # before it says that it is there
        _say("worker", f"{name}, {most} threads at a time, database at {_where(app)}    (Ctrl-C ends it)")
        await work(app, concurrency=most, stopped=stopped, report=_say)
    _say("worker", "ended; every thread was handed back")
    return 0


async def stop(thread: str, message: str, person: str | None, json: bool) -> int:
    async with open_application(read_settings()) as app:
        found = await app.threads.find(thread)
        status = await threads.stop(app, found["id"], at_keyboard(person), message)
    if json:
        print_json({"thread_id": found["id"], "status": status})
    elif status == "stopped":
        out().print(safe(f"{found['subject']} · thread {found['id']} · stopped"))
    else:
        out().print(safe(f"{found['subject']} · thread {found['id']} · is being run and stops before its next step"))
        out().print(safe(f"  {program()} show {found['id']}"))
    return 0


def _stopped() -> asyncio.Event:
    """Set by the first signal; the second ends the process: nothing is lost, its threads are taken up elsewhere."""
    stopped = asyncio.Event()

    def asked() -> None:
        if stopped.is_set():
            os._exit(130)
        _say("worker", "finishing the steps under way; once more ends it at once")
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked)
    return stopped


def _say(what: str, how: str) -> None:
    out().print(safe(f"{datetime.now().astimezone():%H:%M:%S}  {what:<10}  {how}"), soft_wrap=True)
    sys.stdout.flush()


def _where(app: Application) -> str:
    info = psycopg.conninfo.conninfo_to_dict(app.url)
    return f"{info.get('host', 'localhost')}:{info.get('port', 5432)}/{info.get('dbname', '')}"
