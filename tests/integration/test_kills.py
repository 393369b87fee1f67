"""kill -9 at any moment: `autonomy resume` carries on from the last stored step and repeats none."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.commands import CommandsHere

DEADLINE = 60.0


def wait_for_events(database_url: str, process: subprocess.Popen[str], count: int) -> bool:
    """Until the database holds `count` events or the process has ended; whether it still runs."""
    until = time.monotonic() + DEADLINE
    with psycopg.connect(database_url, autocommit=True) as connection:
        while process.poll() is None and time.monotonic() < until:
            row = connection.execute("select count(*) from event").fetchone()
            if row is not None and row[0] >= count:
                return True
            time.sleep(0.002)
    return False


def kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def committed(shown: dict[str, Any]) -> Counter[str]:
    """How often each result came to be."""
    results = [event["body"]["results"] for event in shown["events"] if event["kind"] == "tool_result"]
    return Counter(name for names in results for name in names)


@pytest.mark.parametrize("after", [7])
def test_a_killed_run_is_carried_on_to_its_review(database_url: str, home: Path, after: int) -> None:
    autonomy = CommandsHere(home, DATABASE_URL=database_url)
    process = autonomy.start("run", "crm for startups")
    assert wait_for_events(database_url, process, after)
    kill(process)
    [thread] = autonomy.read("threads")
    resumed = autonomy.read("resume", thread["thread_id"])
    assert resumed["status"] == "waiting"
    shown = autonomy.read("show", thread["thread_id"])
    assert shown["chain_broken_at"] is None
    assert set(committed(shown).values()) == {1}
    assert len(autonomy.read("inbox")) == 1


@pytest.mark.parametrize("after", [13])
def test_a_killed_writer_of_sections_writes_each_of_them_once(database_url: str, home: Path, after: int) -> None:
    autonomy = CommandsHere(home, DATABASE_URL=database_url)
    started = autonomy.read("run", "crm for startups")
    for review in ("r-1", "r-2"):
        autonomy.read("decide", review, "approve")
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select count(*) from event").fetchone()
    assert row is not None
    process = autonomy.start("decide", "r-3", "approve")
    assert wait_for_events(database_url, process, row[0] + after)
    kill(process)
    assert autonomy.read("resume", started["thread_id"])["review_id"] == "r-4"
    assert autonomy.read("decide", "r-4", "approve")["status"] == "done"
    shown = autonomy.read("show", started["thread_id"])
    assert shown["chain_broken_at"] is None
    assert set(committed(shown).values()) == {1}
    with psycopg.connect(database_url) as connection:
        twice = connection.execute(
            "select name from document where revision > 1"
            " union all select tool from operation where state <> 'succeeded'"
        ).fetchall()
    assert twice == []


def test_an_interrupted_run_says_how_to_go_on_and_can_at_once(database_url: str, home: Path) -> None:
    autonomy = CommandsHere(home, DATABASE_URL=database_url)
    process = autonomy.start("run", "crm for startups", stderr=subprocess.PIPE)
    assert wait_for_events(database_url, process, 4)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert said.splitlines() == ["Stopped. What was finished is stored; carry on with: autonomy resume THREAD"]
    [thread] = autonomy.read("threads")
    assert thread["status"] == "queued"
    assert autonomy.read("resume", thread["thread_id"])["status"] == "waiting"
