"""What a command waits for before it does anything: its imports."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from tests.integration.application import opened, started
from tests.integration.commands import Commands

HEAVY = (
    "alembic", "cedarpy", "chromadb", "httpx", "langchain_core", "langgraph", "langsmith", "lxml", "numpy", "openai",
    "procrastinate", "purgatory", "sqlalchemy", "stamina", "streamlit", "trafilatura",
)  # fmt: skip

_IN_ONE_PROCESS = """
import json, sys
from cli.main import app
found = {}
for arguments in json.loads(sys.argv[1]):
    app(arguments, standalone_mode=False)
    found[" ".join(arguments)] = sorted({name.partition(".")[0] for name in sys.modules} & set(json.loads(sys.argv[2])))
print(json.dumps(found), file=sys.stderr)
"""


async def a_waiting_thread(database_url: str, home: Path) -> str:
    async with opened(database_url, home) as app:
        return await started(app)


def in_one_process(url: str, home: Path, commands: list[list[str]], unwanted: tuple[str, ...]) -> dict[str, list[str]]:
    """Command -> packages of `unwanted` that are imported when it has ended, by it or by one before it."""
    done = subprocess.run(
        [sys.executable, "-c", _IN_ONE_PROCESS, json.dumps(commands), json.dumps(unwanted)],
        env=Commands(home, DATABASE_URL=url).environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found: dict[str, list[str]] = json.loads(done.stderr.splitlines()[-1])
    return found


def test_a_command_that_runs_no_thread_imports_nothing_that_only_runs_need(database_url: str, home: Path) -> None:
    thread_id = asyncio.run(a_waiting_thread(database_url, home))
    reading = [
        ["threads"], ["inbox"], ["show", thread_id], ["operations"], ["db", "status"], ["batch", "list"],
        ["prune", "--older-than", "90d"], ["decide", "r-1", "approve", "--no-wait"], ["stop", thread_id],
    ]  # fmt: skip
    found = in_one_process(database_url, home, reading, HEAVY)
    *before, decided, after = map(" ".join, reading)
    # A decision is held against the rules over the domain's tools; `after` comes in the same process.
    assert {name: found[name] for name in before} == {name: [] for name in before}
    assert found[decided] == found[after] == ["cedarpy", "httpx"]


def test_a_first_run_does_not_wait_for_an_index_in_which_nothing_is(database_url: str, home: Path) -> None:
    run = ["run", "crm for startups"]
    assert in_one_process(database_url, home, [run], ("chromadb", "procrastinate")) == {" ".join(run): []}
