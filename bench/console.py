"""What a reviewer waits for: the inbox's query, the first page after a start, and each click, with a full database."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
from psycopg.rows import dict_row

from bench import servers
from bench.figures import Figure, Report, at_most, percentile
from bench.scale import statements
from runtime.inbox import parameters
from store.sql import query

WAITING: Final = 10_000
THREADS: Final = 50_000
EVENTS: Final = 20
"""Of each thread: a million in all."""
CALLS: Final = 100
CLICKS: Final = 40
CHROMIUM: Final = "/usr/bin/chromium"
_PERSON: Final = "dana"
_FILTERS: Final[Mapping[str, Mapping[str, str]]] = {
    "everything": {},
    "one task type": {"task_type": "set_angle"},
    "nobody asked, over 1 day": {"assignee": "nobody", "age": "over 1 day"},
    "a search": {"search": "keyword 99"},
    "a search that finds nothing": {"search": "nothing of that name"},
}


def fill(url: str, threads: int = THREADS, events: int = EVENTS, waiting: int = WAITING) -> None:
    """A history of that size, in which so many reviews wait that can be opened."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        for statement in statements():
            connection.execute(statement, {"threads": threads, "events": events})
        connection.execute(Path(__file__).with_name("waiting.sql").read_bytes(), {"waiting": waiting})
        connection.execute("vacuum analyze")


def queries(url: str) -> dict[str, list[float]]:
    """Seconds of the inbox's page, rows decoded, for each filter; and of what stands beside it."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row, prepare_threshold=0) as connection:
        found = {f"inbox, {name}": _pages(connection, chosen) for name, chosen in _FILTERS.items()}
        found["inbox, the tenth page"] = _pages(connection, {}, turned=9)
        found["filters with their counts"] = _taken(connection, "inbox_facets", {})
        found["how many wait and are unread"] = _taken(connection, "inbox_counts", {"person": _PERSON})
    return found


def _pages(connection: psycopg.Connection[Any], chosen: Mapping[str, str], turned: int = 0) -> list[float]:
    now, after = datetime.now(UTC), None
    for _ in range(turned):
        rows = connection.execute(query("inbox_page"), parameters(chosen, _PERSON, now, after, 26)).fetchall()
        after = (rows[-2]["urgency"], rows[-2]["number"])
    return _taken(connection, "inbox_page", parameters(chosen, _PERSON, now, after, 26))


def _taken(connection: psycopg.Connection[Any], name: str, given: Mapping[str, Any]) -> list[float]:
    taken = []
    for _ in range(CALLS):
        started = time.perf_counter()
        connection.execute(query(name), given).fetchall()
        taken.append(time.perf_counter() - started)
    return taken


def pages(server: servers.Server) -> dict[str, list[float]]:
    """Seconds from a click until the page that it leads to stands, in a real browser; and of the very first page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        with _served(server) as (url, started):
            page.goto(url)
            page.get_by_role("link", name="Open r-").first.wait_for()
            found: dict[str, list[float]] = {"first page after a start": [time.perf_counter() - started]}
            found |= _clicks(page)
        browser.close()
    return found


def _clicks(page: Any) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"open a review": [], "next like it": [], "back to the inbox": []}
    for _ in range(CLICKS):
        opened = page.get_by_role("link", name="Open r-").first
        found["open a review"].append(_click(page, opened, page.get_by_role("button", name="Approve Shortcut A")))
        before = page.url
        following = page.get_by_role("button", name="Next like it")
        found["next like it"].append(
            _click(page, following, page.get_by_text("Your decision"), lambda was=before: page.url != was)
        )
        back = page.get_by_role("link", name="Inbox")
        found["back to the inbox"].append(_click(page, back, page.get_by_role("link", name="Open r-").first))
    return found


def _click(page: Any, what: Any, stands: Any, also: Any = lambda: True) -> float:
    what.wait_for()
    page.locator("[data-test-script-state=notRunning]").wait_for(state="attached")
    started = time.perf_counter()
    what.click()
    while not also():
        page.wait_for_timeout(5)
    stands.wait_for()
    return time.perf_counter() - started


@contextmanager
def _served(server: servers.Server) -> Iterator[tuple[str, float]]:
    """The console's address, and when its process was started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"DATABASE_URL": server.url, "AUTONOMY_HOME": str(server.home / "console")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[1])
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603  our own server
        _command(port), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _until_healthy(url)
        yield url, started
    finally:
        process.terminate()
        process.wait(10)


def _command(port: int) -> list[str]:
    """As `autonomy console` starts it."""
    script = Path(__file__).parents[1] / "ui" / "console.py"
    flags = ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.headless", "true"]
    return [sys.executable, "-m", "ui.serving", "run", str(script), *flags, "--server.fileWatcherType", "none"]


def _until_healthy(url: str) -> None:
    for _ in range(1200):
        try:
            if httpx.get(f"{url}/_stcore/health").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.025)
    raise TimeoutError("the console did not start in half a minute")


def report(asked: Mapping[str, list[float]], shown: Mapping[str, list[float]]) -> Report:
    figures = [
        Figure(
            f"{name}, p95",
            percentile(taken, 0.95) * 1000,
            "ms",
            at_most(20) if name.startswith("inbox") else None,
            _middle(taken),
        )
        for name, taken in asked.items()
    ]
    for name, taken in shown.items():
        first = len(taken) == 1
        target = at_most(3000) if first else at_most(300)
        figures.append(
            Figure(name if first else f"{name}, p95", percentile(taken, 0.95) * 1000, "ms", target, _middle(taken))
        )
    notes = (
        f"{WAITING:,} reviews wait, {THREADS * EVENTS:,} events are there; {CALLS} calls of each query, rows decoded.",
        f"Pages in chromium, from the click until what was asked for stands; {CLICKS} clicks of each kind."
        + ("" if shown else " No chromium on this machine, so no pages were measured."),
    )
    return Report("Console: what a reviewer waits for", notes, tuple(figures))


def _middle(taken: list[float]) -> str:
    return f"p50 {percentile(taken, 0.5) * 1000:.1f} ms"


def run() -> Report:
    with servers.plain() as server:
        fill(server.url)
        asked = queries(server.url)
        return report(asked, pages(server) if Path(CHROMIUM).exists() else {})
