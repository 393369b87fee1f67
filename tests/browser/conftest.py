"""A real Streamlit server on a database of its own, and Debian's chromium. One of each for all browser tests."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from psycopg import sql
from psycopg.rows import dict_row

from cli.console_page import command
from runtime import threads
from runtime.wiring import Application
from tests.integration.application import DANA, answered, opened, started, waiting

CHROMIUM = ("chromium-headless-shell", "chromium")
"""Of Debian's, the first there is. The shell draws no window of its own, which halves what a page takes."""
LOCAL_USER = "robin"
_START_SECONDS = 30
_PATIENCE_MS = 15_000
"""Longest wait for a condition; what fails to come true in it is a failure."""


@dataclass(frozen=True)
class Console:
    """The server, and what a test does behind its back."""

    url: str
    database_url: str
    home: Path
    log: Path

    def run(self, work: Callable[[Application], Coroutine[Any, Any, Any]]) -> Any:
        """`work` with an application on the console's database; in a thread, as playwright's loop runs in this one."""

        async def opened_for() -> Any:
            async with opened(self.database_url, self.home) as app:
                return await work(app)

        with ThreadPoolExecutor(1) as executor:
            return executor.submit(asyncio.run, opened_for()).result()

    def waiting(self, keyword: str = "crm for startups") -> dict[str, Any]:
        """A review that waits, of a new thread."""

        async def work(app: Application) -> dict[str, Any]:
            return await waiting(app, await started(app, keyword))

        review: dict[str, Any] = self.run(work)
        return review

    def waiting_with_an_article(self, keyword: str = "crm for startups") -> dict[str, Any]:
        """The review of a draft, whose earlier decisions Dana has approved."""

        async def work(app: Application) -> dict[str, Any]:
            thread_id = await started(app, keyword)
            for _ in range(3):
                await answered(app, thread_id)
            return await waiting(app, thread_id)

        review: dict[str, Any] = self.run(work)
        return review

    def decided_elsewhere(self, number: int) -> None:
        """Dana approves it, not through this console."""

        async def work(app: Application) -> None:
            await threads.decide(app, number, "approve", DANA)

        self.run(work)

    def execute(self, statement: str, **given: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement.encode(), given)
            return cursor.fetchall() if cursor.description else []

    def review(self, number: int) -> dict[str, Any]:
        return self.execute("select * from review where number = %(number)s", number=number)[0]


@pytest.fixture(scope="session")
def served(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """The console, started as `autonomy console` starts it, from a folder that is not the repository."""
    name = f"browser_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template migrated").format(sql.Identifier(name)))
    place = tmp_path_factory.mktemp("console")
    port = free_port()
    url = psycopg.conninfo.make_conninfo(server, dbname=name)
    console = Console(f"http://127.0.0.1:{port}", url, place / "home", place / "log")
    with console.log.open("wb") as log:
        process = subprocess.Popen(command(port), cwd=place, env=environment(console), stdout=log, stderr=log)
    try:
        until_healthy(console.url, process, console.log)
        yield console
    finally:
        process.terminate()
        process.wait(10)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def console(served: Console) -> Iterator[Console]:
    """The console with an empty inbox. No traceback may come into its log."""
    served.execute("update review set state = 'withdrawn' where state = 'open'")
    before = served.log.stat().st_size
    yield served
    assert b"Traceback" not in served.log.read_bytes()[before:]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For a module and no longer: playwright's event loop would be in the way of asynchronous tests after it."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(f"There is no browser: apt-get install {CHROMIUM[0]}")
    with sync_playwright() as playwright:
        expect.set_options(timeout=_PATIENCE_MS)
        launched = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-software-rasterizer"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def context(browser: Browser, served: Console) -> Iterator[BrowserContext]:
    """For a module, because a browser compiles Streamlit's script anew in each."""
    with browser.new_context(
        base_url=served.url, viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    ) as opened_context:
        opened_context.set_default_timeout(_PATIENCE_MS)
        yield opened_context


@pytest.fixture
def page(context: BrowserContext, console: Console) -> Iterator[Page]:
    """A page of a session of its own, on which nothing may go wrong unsaid."""
    opened_page = context.new_page()
    errors: list[str] = []
    opened_page.on("pageerror", lambda error: errors.append(str(error)))
    yield opened_page
    assert errors == []
    assert opened_page.locator(".stException").count() == 0
    opened_page.evaluate("localStorage.clear()")
    opened_page.close()
    context.clear_cookies()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where pictures for people go; emptied first."""
    folder = Path(__file__).with_name("screenshots")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(console: Console) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": console.database_url,
        "AUTONOMY_HOME": str(console.home),
        "AUTONOMY_DDGS": "off",
        "AUTONOMY_PROBE_LOCAL_MODELS": "false",
        "LOGNAME": LOCAL_USER,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_START_SECONDS * 10):
        try:
            if httpx.get(f"{url}/_stcore/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    pytest.fail(f"The console did not start:\n{log.read_text()}")
