"""`autonomy up` and `autonomy console`: the page and the worker as children of one command."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.browser.conftest import free_port
from tests.integration.test_worker import DEADLINE, Workers, workers

__all__ = ["workers"]


@pytest.fixture
def port() -> int:
    return free_port()


class Up:
    """The command in the background, and what it prints."""

    def __init__(self, workers: Workers, *arguments: str) -> None:
        self.log = workers.autonomy.home.parent / "up.log"
        with self.log.open("w") as file:
            self.process = workers.autonomy.start(*arguments, stdout=file, stderr=file)

    def children(self) -> dict[str, psutil.Process]:
        found = psutil.Process(self.process.pid).children()
        return {("page" if "ui.serving" in child.cmdline() else "worker"): child for child in found}


@pytest.fixture
def up(workers: Workers, port: int) -> Iterator[Up]:
    made = Up(workers, "up", "--port", str(port))
    yield made
    if made.process.poll() is None:
        made.process.send_signal(signal.SIGTERM)
        made.process.wait(DEADLINE)


def healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/_stcore/health").status_code == 200
    except httpx.TransportError:
        return False


def test_the_page_and_a_worker_are_started_and_ended_together(workers: Workers, up: Up, port: int) -> None:
    workers.until(lambda: healthy(port) and workers.rows("select 1 from procrastinate_workers"))
    assert f"http://127.0.0.1:{port}" in up.log.read_text()
    children = list(up.children().values())
    assert len(children) == 2
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(DEADLINE) == 0
    assert not any(child.is_running() for child in children)
    assert "every thread was handed back" in up.log.read_text()
    assert workers.rows("select 1 from procrastinate_workers") == []


@pytest.mark.parametrize(("dies", "other"), [("worker", "page"), ("page", "worker")])
def test_when_one_dies_the_other_is_ended_and_it_is_said(
    workers: Workers, up: Up, port: int, dies: str, other: str
) -> None:
    workers.until(lambda: healthy(port) and workers.rows("select 1 from procrastinate_workers"))
    children = up.children()
    children[dies].kill()
    assert up.process.wait(DEADLINE) == 1
    assert f"The {dies} has ended by itself (exit code -9); the {other} is ended too." in up.log.read_text()
    assert not children[other].is_running()


def test_the_page_alone_says_that_a_worker_is_needed(workers: Workers, port: int) -> None:
    console = Up(workers, "console", "--port", str(port))
    workers.until(lambda: healthy(port))
    assert set(console.children()) == {"page"}
    assert "run on by a worker: autonomy worker" in console.log.read_text().replace("\n", " ")
    busy = workers.autonomy("up", "--port", str(port))
    assert (busy.returncode, f"Port {port} is taken" in busy.stderr) == (1, True)
    console.process.send_signal(signal.SIGINT)
    assert console.process.wait(DEADLINE) == 0
    assert not healthy(port)
