"""console: the page's server as a process of its own, and beside it the runner of what is decided there."""

from __future__ import annotations

import asyncio
import os

from cli.console import out, safe
from cli.console_page import ADDRESS, command, free
from core.errors import AutonomyError
from runtime.follower import follow
from runtime.settings import read_settings
from runtime.wiring import open_application


async def console(port: int) -> int:
    """Until the page's server ends or Ctrl-C. Raises AutonomyError when the port is taken."""
    if not free(port):
        raise AutonomyError(f"Port {port} is taken by another program. Choose another with --port, such as {port + 1}.")
    async with open_application(read_settings()) as app:
        # The page must find the database this process found, whatever its own working folder says.
        environment = {**os.environ, "DATABASE_URL": app.url}
        page = await asyncio.create_subprocess_exec(*command(port), env=environment, stdout=asyncio.subprocess.DEVNULL)
        out().print(safe(f"Console: http://{ADDRESS}:{port}    (Ctrl-C ends it; threads are safe)"))
        stopped = asyncio.Event()
        following = asyncio.create_task(follow(app, stopped, _report))
        try:
            return await page.wait()
        finally:
            stopped.set()
            if page.returncode is None:
                page.terminate()
                await page.wait()
            await following


def _report(thread_id: str, said: str) -> None:
    out().print(safe(f"  {thread_id}  {said}"))
