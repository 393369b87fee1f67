"""Workers as processes of their own, over a real database."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from core.errors import ThreadBusy, ToolError
from core.events import first_break
from runtime import threads
from runtime.wiring import Application
from runtime.worker import work
from tests.integration.application import DANA, events, opened, queued, started, waiting
from tests.integration.commands import CommandsHere
from tests.integration.test_leases import becomes_true, hanging

DEADLINE = 120.0


class Workers:
    """`autonomy worker` in processes that end with the test, and what they print."""

    def __init__(self, database_url: str, home: Path) -> None:
        home.parent.mkdir(parents=True, exist_ok=True)
        self.autonomy = CommandsHere(home, DATABASE_URL=database_url)
        self.database_url = database_url
        self.running: list[subprocess.Popen[str]] = []

    def start(self, *options: str) -> subprocess.Popen[str]:
        log = self.log(len(self.running))
        with log.open("w") as file:
            process = self.autonomy.start("worker", *options, stdout=file, stderr=file)
        self.running.append(process)
        self.until(lambda: "threads at a time" in log.read_text())
        return process

    def log(self, number: int = 0) -> Path:
        return self.autonomy.home.parent / f"worker-{number}.log"

    def printed(self, number: int = 0) -> str:
        return self.log(number).read_text()

    def until(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            logs = "\n".join(self.printed(number) for number in range(len(self.running)))
            assert time.monotonic() < deadline, f"not within {DEADLINE} s; the workers said:\n{logs}"
            time.sleep(0.02)

    def rows(self, statement: str, *given: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement.encode(), given)
            return cursor.fetchall() if cursor.description else []

    def status(self, thread_id: str) -> str:
        [row] = self.rows("select status from thread where id = %s", thread_id)
        return str(row["status"])

    def holders(self) -> set[int]:
        """Process ids of who runs threads."""
        rows = self.rows("select lease_owner from thread where lease_until > now()")
        return {int(row["lease_owner"].rpartition(":")[2]) for row in rows}


@pytest.fixture
def workers(database_url: str, home: Path) -> Iterator[Workers]:
    made = Workers(database_url, home)
    yield made
    for process in made.running:
        if process.poll() is None:
            process.kill()
        process.wait()


async def prepared(database_url: str, home: Path, keywords: int) -> list[str]:
    """Queued threads."""
    async with opened(database_url, home) as app:
        return [await queued(app) for _ in range(keywords)]


def test_a_worker_begins_what_is_queued_and_runs_on_what_is_decided(workers: Workers, home: Path) -> None:
    [thread_id] = asyncio.run(prepared(workers.database_url, home, 1))
    workers.start()
    for number in (1, 2, 3, 4):
        # A decision that comes before the lease is given back is taken up by the same run, which says nothing between.
        workers.until(lambda number=number: workers.printed().count(f"{thread_id}  waiting") == number)
        decided = workers.autonomy.read("decide", f"r-{number}", "approve", "--no-wait")
        assert decided["thread_id"] == thread_id
    workers.until(lambda: f"{thread_id}  done" in workers.printed())
    assert workers.status(thread_id) == "done"
    assert workers.printed().count(f"{thread_id}  waiting") == 4
    shown = workers.autonomy.read("show", thread_id)
    assert shown["chain_broken_at"] is None
    assert max(Counter(name for event in shown["events"] if event["kind"] == "tool_result"
                       for name in event["body"]["results"]).values()) == 1  # fmt: skip
    owners = {event["body"]["owner"] for event in shown["events"] if event["kind"] == "lease_taken"}
    assert all(owner.startswith("worker ") for owner in owners)


def test_the_threads_of_a_killed_worker_are_run_on_by_another(workers: Workers, home: Path) -> None:
    asyncio.run(prepared(workers.database_url, home, 6))
    first = workers.start("--concurrency", "6")
    workers.until(lambda: first.pid in workers.holders())
    first.kill()
    first.wait()
    workers.start()
    workers.until(lambda: workers.rows("select count(*) as n from thread where status = 'waiting'")[0]["n"] == 6)
    for row in workers.rows("select id from thread"):
        assert workers.autonomy.read("show", row["id"])["chain_broken_at"] is None
    assert workers.rows("select count(*) as n from review where state = 'open'")[0]["n"] == 6


def test_a_worker_that_is_told_to_end_hands_its_threads_over(workers: Workers, home: Path) -> None:
    asyncio.run(prepared(workers.database_url, home, 6))
    first = workers.start("--concurrency", "6")
    workers.until(lambda: first.pid in workers.holders())
    first.send_signal(signal.SIGTERM)
    assert first.wait(DEADLINE) == 0
    assert "every thread was handed back" in workers.printed()
    assert workers.holders() == set()
    statuses = {row["status"] for row in workers.rows("select status from thread")}
    assert "running" not in statuses and "failed" not in statuses
    workers.start()
    workers.until(lambda: workers.rows("select count(*) as n from thread where status = 'waiting'")[0]["n"] == 6)
    assert workers.rows("select 1 from event where kind = 'failure'") == []


def test_a_database_that_goes_away_is_said_once_and_waited_for(workers: Workers) -> None:
    worker = workers.start()
    workers.until(lambda: workers.rows("select 1 from procrastinate_workers"))
    name = psycopg.conninfo.conninfo_to_dict(workers.database_url)["dbname"]
    outside = psycopg.conninfo.make_conninfo(workers.database_url, dbname="postgres")
    with psycopg.connect(outside, autocommit=True) as connection:
        connection.execute(f'alter database "{name}" allow_connections false'.encode())
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        workers.until(lambda: "does not answer" in workers.printed())
        connection.execute(f'alter database "{name}" allow_connections true'.encode())
    workers.until(lambda: "answers again" in workers.printed())
    assert workers.printed().count("does not answer") == 1
    assert "Traceback" not in workers.printed()
    started_now = workers.autonomy.read("run", "crm for startups")
    workers.autonomy.read("decide", started_now["review_id"], "approve", "--no-wait")
    workers.until(lambda: workers.rows("select 1 from review where number = 2"))
    worker.send_signal(signal.SIGINT)
    assert worker.wait(DEADLINE) == 0


async def test_threads_under_way_are_drained_at_their_next_step_and_go_on_elsewhere(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await queued(app)
        asked, go = await hanging(app, monkeypatch)
        stopped, reports = asyncio.Event(), list[tuple[str, str]]()
        working = asyncio.create_task(working_on(app, stopped, reports))
        await asyncio.wait_for(asked.acquire(), DEADLINE)
        stopped.set()
        with pytest.raises(ThreadBusy, match="is being run by worker"):
            await threads.advance(app, thread_id)
        go.set()
        await asyncio.wait_for(working, DEADLINE)
        assert reports == [(thread_id, "queued")]
        thread = await app.threads.get(thread_id)
        assert (thread["status"], thread["lease_owner"]) == ("queued", None)
        before = len(await app.threads.timeline(thread_id))
        assert (await threads.advance(app, thread_id))["status"] == "waiting"
        timeline = await app.threads.timeline(thread_id)
        assert first_break(timeline) is None
        kinds = [stored.kind for stored in timeline]
        assert kinds.count("thread_started") == 1 and "decision" in kinds[:before]


async def working_on(
    app: Application, stopped: asyncio.Event, reports: list[tuple[str, str]], until: int | None = None
) -> None:
    def report(thread_id: str, said: str) -> None:
        reports.append((thread_id, said))
        if until is not None and len(reports) >= until:
            stopped.set()

    await work(app, concurrency=4, stopped=stopped, report=report)


async def test_a_running_worker_takes_up_changed_rules_and_keeps_the_last_good_ones(
    database_url: str, home: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    file, stopped, reports = rules / "mine.cedar", asyncio.Event(), list[tuple[str, str]]()
    async with opened(database_url, home, AUTONOMY_POLICIES=str(rules)) as app:
        good = app.gate
        working = asyncio.create_task(working_on(app, stopped, reports))
        file.write_text('@id("mine")\n@says("no")\nforbid (principal, action, resource)\nwhen { context.nonsense };\n')
        await becomes_true(lambda: reports)
        assert app.gate is good and reports[0][0] == "rules"
        assert "stay as they were" in reports[0][1] and "mine.cedar:" in reports[0][1]
        file.write_text(
            '@id("mine")\n@says("no searching")\nforbid (principal, action, resource == Tool::"search_serp");\n'
        )
        await becomes_true(lambda: len(reports) == 2)
        assert "read again" in reports[1][1] and len(app.gate.policies.rules) == len(good.policies.rules) + 1
        thread_id = await queued(app)
        await becomes_true(lambda: len(reports) == 3)
        [nothing] = [body for body in await events(app, thread_id, "observation") if "search_serp" in body["why"]]
        assert "search_serp may not be offered now" in nothing["why"]
        stopped.set()
        await working


async def test_a_thread_in_the_way_is_reported_and_left_alone_and_others_go_on(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        good, later, mute = await started(app), await started(app, "kanban vs scrum"), await queued(app)
        async with app.pool.connection() as connection:
            await connection.execute("update thread set graph_version = 99 where id = %s", [later])
            await connection.execute("update thread set model = 'gpt-nowhere' where id = %s", [mute])
        for thread_id in (later, good):
            await threads.decide(app, (await waiting(app, thread_id))["number"], "approve", DANA)
        stopped, reports = asyncio.Event(), list[tuple[str, str]]()
        await asyncio.wait_for(working_on(app, stopped, reports, until=3), DEADLINE)
        said = dict(reports)
        assert (len(reports), said[good]) == (3, "waiting")
        assert "later release" in said[later] and "gpt-nowhere" in said[mute]
        assert await app.jobs.sweep(1) == 0
        for thread_id in (later, mute):
            assert (await app.threads.get(thread_id))["wake_at"] is not None
        assert (await app.threads.get(mute))["status"] == "queued"


@pytest.mark.parametrize(
    ("error", "said"),
    [(ToolError("the far side refuses", "tool_drift"), "the far side refuses"), (ZeroDivisionError(), "A bug of ours")],
)
async def test_a_run_that_goes_wrong_is_one_line_and_the_worker_goes_on(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    from runtime.chat_model import ChatModel

    choose = ChatModel.choose

    async def breaks_once(self: ChatModel, *given: Any) -> Any:
        monkeypatch.setattr(ChatModel, "choose", choose)
        raise error

    async with opened(database_url, home) as app:
        bad = await queued(app)
        monkeypatch.setattr(ChatModel, "choose", breaks_once)
        stopped, reports = asyncio.Event(), list[tuple[str, str]]()
        working = asyncio.create_task(working_on(app, stopped, reports, until=2))
        await becomes_true(lambda: reports)
        good = await queued(app)
        await asyncio.wait_for(working, DEADLINE)
        assert [thread_id for thread_id, _ in reports] == [bad, good]
        assert said in reports[0][1] and "\n" not in reports[0][1]
        assert reports[1] == (good, "waiting")
        assert (await app.threads.get(bad))["status"] == "failed"


async def test_a_bug_outside_the_graph_fails_its_thread_once(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*given: Any) -> Any:
        raise ZeroDivisionError("a bug")

    async with opened(database_url, home) as app:
        bad = await queued(app)
        monkeypatch.setattr(Application, "bind", broken)
        stopped, reports = asyncio.Event(), list[tuple[str, str]]()
        await asyncio.wait_for(working_on(app, stopped, reports, until=1), DEADLINE)
        assert await app.jobs.sweep(1) == 0
        assert (await app.threads.get(bad))["status"] == "failed"
        kinds = [stored.kind for stored in await app.threads.timeline(bad)]
        assert kinds == ["thread_started", "lease_taken", "failure"]
    kept = reports[0][1].rpartition(" ")[2]
    assert "ZeroDivisionError: a bug" in await asyncio.to_thread(Path(kept).read_text)
    await asyncio.to_thread(Path(kept).unlink)


def test_a_second_command_on_a_running_thread_is_told_who_runs_it(workers: Workers, home: Path) -> None:
    [thread_id] = asyncio.run(prepared(workers.database_url, home, 1))
    workers.rows(
        "update thread set status = 'running', epoch = 1, lease_owner = 'worker box:7', "
        "lease_until = now() + interval '1 hour' where id = %s",
        thread_id,
    )
    busy = workers.autonomy.start("resume", thread_id, stderr=subprocess.PIPE)
    workers.until(lambda: renewed(workers, thread_id) or busy.poll() is not None)
    line = (busy.stderr.read() if busy.stderr else "").strip()
    assert busy.wait() == 2
    assert f"Thread {thread_id} is being run by worker box:7" in line and "\n" not in line
    unknown = workers.autonomy("resume", "nowhere")
    assert unknown.returncode == 2 and "no thread 'nowhere'" in unknown.stderr


def renewed(workers: Workers, thread_id: str) -> bool:
    """As a living runner does."""
    workers.rows("update thread set lease_until = now() + interval '1 hour' where id = %s", thread_id)
    return False


def test_a_command_that_died_before_it_ran_its_thread_is_made_up_for(workers: Workers, home: Path) -> None:
    process = workers.autonomy.start("run", "crm for startups")
    workers.until(lambda: workers.rows("select 1 from thread"))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    workers.start()
    workers.until(lambda: workers.rows("select 1 from thread where status = 'waiting'"))


def test_a_second_signal_ends_a_worker_at_once(workers: Workers, home: Path) -> None:
    worker = workers.start()
    worker.send_signal(signal.SIGSTOP)
    worker.send_signal(signal.SIGINT)
    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGCONT)
    assert worker.wait(DEADLINE) in (0, 130)
