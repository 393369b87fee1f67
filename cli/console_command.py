"""console and up: the page's server as a process of its own, and beside it a worker that runs on what is decided."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from typing import Final

from cli.console import out, program, safe
from cli.console_page import address_of, command, free, secrets_file
from core.errors import AutonomyError
from runtime.settings import Settings, read_settings
from runtime.wiring import open_application

_WORKER: Final = (sys.executable, "-m", "cli.main", "worker")


async def console(port: int) -> int:
    """The page alone, until its server ends or Ctrl-C. Raises AutonomyError when the port is taken."""
    settings = read_settings()
    address = address_of(settings)
    environment = await _environment(port)
    with secrets_file(settings) as login:
        page = await _started(command(port, address, login), environment)
        out().print(safe(f"Console: {_url(settings, port)}    (Ctrl-C ends it; threads are safe)"))
        out().print(safe(f"What is decided here is run on by a worker: {program()} worker"))
        return await _until_one_ends({"page": page})


async def up(port: int) -> int:
    """The page and a worker, until one of them ends or Ctrl-C; the other is ended then. Raises as `console` does."""
    settings = read_settings()
    address = address_of(settings)
    environment = await _environment(port)
    with secrets_file(settings) as login:
        worker = await _started(_WORKER, environment)
        page = await _started(command(port, address, login), environment)
        out().print(safe(f"Console: {_url(settings, port)}    (Ctrl-C ends it and its worker; threads are safe)"))
        return await _until_one_ends({"page": page, "worker": worker})


def _url(settings: Settings, port: int) -> str:
    """Where to go: what people are told of, where they log in; else this machine's address."""
    return settings.console_url if settings.oidc else f"http://{settings.console_address}:{port}"


async def _environment(port: int) -> Mapping[str, str]:
    """Of the children: they must find the database this process found, whatever their own working folder says."""
    if not free(port):
        raise AutonomyError(f"Port {port} is taken by another program. Choose another with --port, such as {port + 1}.")
    async with open_application(read_settings()) as app:
        return {**os.environ, "DATABASE_URL": app.url}


async def _started(arguments: Sequence[str], environment: Mapping[str, str]) -> Process:
    # A session of its own: Ctrl-C reaches this process alone, which then asks each child to end, once.
    page = "ui.serving" in arguments
    return await asyncio.create_subprocess_exec(
        *arguments, env=environment, stdout=DEVNULL if page else None, start_new_session=True
    )


async def _until_one_ends(children: Mapping[str, Process]) -> int:
    """0 after Ctrl-C or SIGTERM; 1 when a child ended by itself."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    waits = [asyncio.create_task(_end_of(child)) for child in children.values()]
    asked = asyncio.create_task(_set(stopped))
    try:
        await asyncio.wait([*waits, asked], return_when=asyncio.FIRST_COMPLETED)
        if not stopped.is_set():
            _say_ended(children)
        return 0 if stopped.is_set() else 1
    finally:
        asked.cancel()
        await _end(children, stopped)


async def _end_of(*children: Process) -> None:
    for child in children:
        await child.wait()


async def _set(event: asyncio.Event) -> None:
    await event.wait()


def _say_ended(children: Mapping[str, Process]) -> None:
    ended = next(name for name, child in children.items() if child.returncode is not None)
    others = "".join(f"; the {other} is ended too" for other in children if other != ended)
    out().print(safe(f"The {ended} has ended by itself (exit code {children[ended].returncode}){others}."))


async def _end(children: Mapping[str, Process], again: asyncio.Event) -> None:
    """Ask the children to end, and wait for them; at a second Ctrl-C they are killed."""
    again.clear()
    living = [child for child in children.values() if child.returncode is None]
    for child in living:
        child.terminate()
    waits = asyncio.create_task(_end_of(*living))
    impatience = asyncio.create_task(_set(again))
    await asyncio.wait([waits, impatience], return_when=asyncio.FIRST_COMPLETED)
    impatience.cancel()
    for child in living:
        if child.returncode is None:
            child.kill()
    await waits
