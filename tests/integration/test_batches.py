"""A file of keywords goes in once, whatever is done to it on its way, and people see how far it is."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from core.events import first_break
from runtime import batches, seo, threads
from runtime.keyword_file import Skipped
from runtime.wiring import Application
from store.batches import BatchStore, Common, NewThreadRow, _create, _insert
from store.database import Pool
from store.threads import ThreadStore
from tests.integration.application import opened
from tests.integration.commands import AUTONOMY, CommandsHere

DEADLINE = 60.0


@pytest.fixture
def autonomy(database_url: str, home: Path) -> CommandsHere:
    home.parent.mkdir(parents=True, exist_ok=True)
    return CommandsHere(home, DATABASE_URL=database_url)


def listed(tmp_path: Path, *keywords: str, header: str = "keyword") -> str:
    path = tmp_path / "keywords.csv"
    path.write_text("\n".join([header, *keywords]) + "\n")
    return str(path)


def select(database_url: str, sql: str) -> list[dict[str, Any]]:
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return connection.execute(sql.encode()).fetchall()


async def added(app: Application, file: Path, **changes: Any) -> tuple[batches.Intake, list[Skipped]]:
    given = {"profile": seo.bundled_profile(), "locale": "en-US", "again": False, "requester": "sam"} | changes
    said, skipped = batches.Intake(), list[Skipped]()
    await batches.add(app, batches.Asked(file=file, **given), said, skipped.append)
    return said, skipped


def test_a_file_is_added_once_and_a_longer_one_adds_what_is_new(
    autonomy: CommandsHere, database_url: str, tmp_path: Path
) -> None:
    header = "keyword,locale,priority,due"
    file = listed(tmp_path, "crm for startups,,5,2026-12-01T17:00Z", "kanban vs scrum,,,", header=header)
    first = autonomy.read("batch", file, "--no-wait", "--as", "sam")
    assert (first["added"], first["known"], first["batches"][0]["batch"]) == (2, 0, "b-1")
    assert first["batches"][0]["requester"] == "sam" and first["batches"][0]["queued"] == 2

    longer = listed(tmp_path, "CRM  for Startups,,,", "kanban vs scrum,en-GB,,", "kanban vs scrum,,,", header=header)
    second = autonomy.read("batch", "--no-wait", longer)
    assert (second["added"], second["known"], second["known_in"]) == (1, 2, ["b-1"])
    said = autonomy("batch", longer, "--no-wait").stdout
    assert "0 new keywords" in said and "3 are known already (b-1, b-2)" in said
    assert [row["batch"] for row in autonomy.read("batch", "list")] == ["b-2", "b-1"]

    rows = select(database_url, "select * from thread order by priority desc, subject, created_at")
    assert [row["subject"] for row in rows] == ["crm for startups", "kanban vs scrum", "kanban vs scrum"]
    assert (rows[0]["priority"], rows[0]["due_at"].hour, rows[1]["due_at"]) == (5, 17, None)
    assert all("serp" not in row["task"] and row["status"] == "queued" for row in rows)
    shown = autonomy.read("show", rows[0]["id"])
    assert shown["chain_broken_at"] is None
    assert [event["kind"] for event in shown["events"]] == ["thread_started"]
    assert select(database_url, "select count(*) as n from artifact") == [{"n": 1}]


async def test_a_thread_of_a_batch_is_what_a_thread_started_alone_is(
    database_url: str, home: Path, tmp_path: Path
) -> None:
    async with opened(database_url, home) as app:
        await added(app, Path(listed(tmp_path, "crm for startups")))
        request = seo.Request("crm for startups", "en-US", seo.bundled_profile(), None, "sam")
        new = await seo.prepare(app.settings, app.artifacts, (await app.choice()).label, request)
        alone = await app.threads.find(await threads.start(app, new))
        [of_batch] = [row for row in await all_threads(app) if row["batch"] is not None]
        own = {"id", "batch", "batch_key", "created_at", "updated_at", "last_hash", "task"}
        assert {k: v for k, v in of_batch.items() if k not in own} == {k: v for k, v in alone.items() if k not in own}
        assert of_batch["task"] == {k: v for k, v in alone["task"].items() if k != "serp"}
        assert first_break(await app.threads.timeline(of_batch["id"])) is None


async def all_threads(app: Application) -> list[dict[str, Any]]:
    return [await app.threads.find(row["thread_id"]) for row in await app.threads.newest(None, 100)]


async def test_a_batch_is_run_to_its_reviews_and_its_view_ends_there(
    database_url: str, home: Path, tmp_path: Path
) -> None:
    async with opened(database_url, home) as app:
        said, _ = await added(app, Path(listed(tmp_path, "crm for startups", "kanban vs scrum", "no such sample")))
        numbers = list(said.batches.values())
        seen = await batches.view(app, numbers)
        assert seen.under_way and seen.workers == 0 and seen.batches[0]["queued"] == 3
        for thread in await all_threads(app):
            if thread["subject"] != "no such sample":
                await threads.advance(app, thread["id"])
        await app.threads.set_status(await thread_of(app, "no such sample"), "failed")
        seen = await batches.view(app, numbers)
        [row] = seen.batches
    assert not seen.under_way
    assert (row["threads"], row["waiting"], row["failed"], row["queued"], row["done"]) == (3, 2, 1, 0, 0)
    assert row["per_minute"] > 0 and row["cost"] == 0  # the algorithm costs nothing


async def thread_of(app: Application, subject: str) -> str:
    [found] = [row["id"] for row in await all_threads(app) if row["subject"] == subject and row["batch_key"]]
    return str(found)


async def test_again_begins_anew_what_has_ended_and_leaves_what_is_under_way(
    database_url: str, home: Path, tmp_path: Path
) -> None:
    file = Path(listed(tmp_path, "one", "two", "three", "four"))
    async with opened(database_url, home) as app:
        await added(app, file)
        for subject, status in (("one", "failed"), ("two", "stopped"), ("three", "done")):
            await app.threads.set_status(await thread_of(app, subject), status)
        plain, _ = await added(app, file)
        assert (plain.added, plain.known) == (0, {"failed": 1, "stopped": 1, "done": 1, "queued": 1})
        again, _ = await added(app, file, again=True)
        assert (again.added, again.known, again.known_in) == (3, {"queued": 1}, {1: 1})
        twice, _ = await added(app, file, again=True)
        assert (twice.added, twice.known) == (0, {"queued": 4})
        assert sorted(row["status"] for row in await all_threads(app)) == ["done", "failed", *["queued"] * 4, "stopped"]


def test_known_keywords_that_have_ended_are_named_with_what_to_do(
    autonomy: CommandsHere, database_url: str, tmp_path: Path
) -> None:
    file = listed(tmp_path, "one", "two", "three")
    assert autonomy("batch", file, "--no-wait").returncode == 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update thread set status = 'failed' where subject <> 'two'")
        connection.execute("update thread set status = 'stopped' where subject = 'two'")
    said = autonomy("batch", file, "--no-wait").stdout
    assert "3 are known already (b-1)" in said and "2 failed and 1 stopped" in said and "--again" in said


async def test_each_company_of_a_file_gets_a_batch_and_a_broken_profile_costs_its_lines(
    database_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rival.yaml").write_text(seo.bundled_profile().read_text().replace("id: tallyho", "id: rival"))
    (tmp_path / "broken.yaml").write_text("id: [")
    reads: list[str] = []
    read = seo.read_profile
    monkeypatch.setattr(seo, "read_profile", lambda path: (reads.append(path.name), read(path))[1])
    lines = ["crm,", "crm,rival.yaml", "crm,broken.yaml", "erp,broken.yaml", "erp,none.yaml", "erp,rival.yaml"]
    async with opened(database_url, home) as app:
        said, skipped = await added(app, Path(listed(tmp_path, *lines, header="keyword,profile")))
        rows = await batches.newest(app, 10)
    assert said.batches == {"tallyho": 1, "rival": 2} and said.added == 3
    assert {row["tenant"]: row["threads"] for row in rows} == {"tallyho": 1, "rival": 2}
    assert [line.line for line in skipped] == [4, 5, 6]
    assert "not YAML" in skipped[0].reason and "none.yaml cannot be read" in skipped[2].reason
    assert reads == ["example.yaml", "rival.yaml", "broken.yaml", "none.yaml"]


async def test_a_keyword_that_comes_twice_is_named_with_its_first_line_across_chunks(
    database_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "CHUNK", 2)
    file = Path(listed(tmp_path, "one", "two", "three", "ONE", "one", "four"))
    async with opened(database_url, home) as app:
        said, skipped = await added(app, file)
    assert said.added == 4
    assert skipped == [(5, "the same keyword as line 2"), (6, "the same keyword as line 2")]


def test_twenty_skipped_lines_are_shown_and_all_on_request(autonomy: CommandsHere, tmp_path: Path) -> None:
    file = listed(tmp_path, *(f"word {n},xx_{n}" for n in range(25)), "fine,", header="keyword,locale")
    short = autonomy("batch", file, "--no-wait").stdout
    assert short.count("; skipped") == 20 and "and 5 more lines skipped (all of them: --verbose)" in short
    assert "line 2: the locale 'xx_0' is not a language and country such as en-US, de-DE or fr; skipped\n" in short
    assert autonomy("batch", file, "--no-wait", "--verbose").stdout.count("; skipped") == 25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("batch", "none.csv"), "none.csv cannot be read"),
        (("batch", "."), "cannot be read: Is a directory"),
        (("batch", "bad.csv"), 'bad.csv has no column "keyword"'),
        (("batch", "good.csv", "--profile", "none.yaml"), "none.yaml cannot be read"),
        (("batch", "show", "b-9"), "There is no batch b-9"),
        (("batch", "pause", "b-9"), "There is no batch b-9"),
        (("batch", "stop", "x-1"), "is not a batch; they look like b-7"),
        (("prune", "--older-than", "90"), "'90' is not an age"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_exit_2(
    autonomy: CommandsHere, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (autonomy.home.parent / "bad.csv").write_text("word\ncrm\n")
    (autonomy.home.parent / "good.csv").write_text("keyword\ncrm\n")
    done = autonomy(*arguments)
    assert done.returncode == 2 and message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def wait_for(database_url: str, sql: str) -> None:
    """Until the query gives a row."""
    until = time.monotonic() + DEADLINE
    with psycopg.connect(database_url, autocommit=True) as connection:
        while connection.execute(sql.encode()).fetchone() is None:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_ctrl_c_on_the_way_in_says_what_is_in_and_a_second_run_adds_the_rest(
    autonomy: CommandsHere, database_url: str, tmp_path: Path
) -> None:
    file = listed(tmp_path, *(f"keyword number {n}" for n in range(10_000)))
    process = autonomy.start("batch", file, "--no-wait", stderr=subprocess.PIPE)
    wait_for(database_url, "select 1 from thread limit 1")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130, said
    [row] = select(database_url, "select count(*) as n from thread")
    assert 0 < row["n"] < 10_000
    assert f"Stopped: {row['n']:,} keywords of" in said and "adds the rest" in said and len(said.splitlines()) == 1
    rest = autonomy.read("batch", file, "--no-wait")
    assert (rest["added"], rest["known"]) == (10_000 - row["n"], row["n"])
    assert select(database_url, "select count(distinct subject) as n from thread") == [{"n": 10_000}]


async def test_an_interruption_right_after_a_commit_is_counted_too(
    database_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, said = BatchStore.add, batches.Intake()

    async def interrupted(self: BatchStore, *arguments: Any, **options: Any) -> Any:
        chunk = await add(self, *arguments, **options)
        adding.cancel()
        await asyncio.sleep(0)
        return chunk

    monkeypatch.setattr(BatchStore, "add", interrupted)
    monkeypatch.setattr(batches, "CHUNK", 2)
    asked = batches.Asked(Path(listed(tmp_path, "one", "two", "three")), seo.bundled_profile(), "en", False, "sam")
    async with opened(database_url, home) as app:
        adding = asyncio.create_task(batches.add(app, asked, said, lambda skipped: None))
        with pytest.raises(asyncio.CancelledError):
            await adding
        assert said.added == len(await all_threads(app)) == 2


def test_the_same_file_in_two_processes_at_once_is_added_once(
    autonomy: CommandsHere, database_url: str, tmp_path: Path
) -> None:
    file = listed(tmp_path, *(f"keyword number {n}" for n in range(3_000)))
    both = [autonomy.start("batch", file, "--no-wait", stderr=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate(timeout=DEADLINE)[1] for process in both] == ["", ""]
    assert [process.returncode for process in both] == [0, 0]
    counts = "select (select count(*) from thread) as threads, (select count(*) from event) as events"
    assert select(database_url, counts) == [{"threads": 3_000, "events": 3_000}]


async def test_two_at_once_with_again_make_one_new_thread_each(database_url: str, home: Path, tmp_path: Path) -> None:
    file = Path(listed(tmp_path, *(f"word {n}" for n in range(300))))
    async with opened(database_url, home) as app:
        await added(app, file)
        async with app.pool.connection() as connection:
            await connection.execute("update thread set status = 'done'")
        both = await asyncio.gather(*(added(app, file, again=True) for _ in range(4)))
        assert sum(said.added for said, _ in both) == 300
        async with app.pool.connection() as connection:
            cursor = await connection.execute("select status, count(*) as n from thread group by 1 order by 1")
            assert await cursor.fetchall() == [{"status": "done", "n": 300}, {"status": "queued", "n": 300}]


@pytest.fixture
def watching(autonomy: CommandsHere, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`autonomy batch` over two keywords, looked at through a pipe; its first line has been read."""
    file = listed(tmp_path, "crm for startups", "kanban vs scrum")
    process = subprocess.Popen(
        [*AUTONOMY, "batch", file],
        env=autonomy.environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and "2 new keywords (b-1 for tallyho)" in process.stdout.readline()
    yield process
    process.kill()
    process.wait()


def test_the_view_says_that_no_worker_runs_and_ctrl_c_leaves_it(watching: subprocess.Popen[str]) -> None:
    assert watching.stdout is not None
    assert "b-1   0%   2 queued" in watching.stdout.readline()
    assert "No worker is running; start one: autonomy worker" in watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    said, errors = watching.communicate(timeout=DEADLINE)
    assert (watching.returncode, errors) == (0, "")
    assert "The workers go on." in said and "batch show b-1" in said


async def test_the_view_ends_when_everything_waits_for_people(
    watching: subprocess.Popen[str], database_url: str, home: Path
) -> None:
    async with opened(database_url, home) as app:
        for thread in await all_threads(app):
            await threads.advance(app, thread["id"])
    said, _ = await asyncio.to_thread(watching.communicate, timeout=DEADLINE)
    assert watching.returncode == 0
    assert "2 waiting for people" in said and "2 threads wait for people: autonomy inbox" in said


def test_a_worker_takes_the_batch_to_its_reviews_while_the_view_watches(autonomy: CommandsHere, tmp_path: Path) -> None:
    worker = autonomy.start("worker")
    try:
        ended = autonomy.read("batch", listed(tmp_path, "crm for startups", "kanban vs scrum"))
    finally:
        worker.kill()
        worker.wait()
    [batch] = ended["batches"]
    assert (batch["waiting"], batch["queued"], batch["running"]) == (2, 0, 0)
    assert (batch["workers_alive"], len(autonomy.read("inbox"))) == (1, 2)


async def test_a_paused_batch_has_nothing_to_come_and_goes_on_when_resumed(
    database_url: str, home: Path, tmp_path: Path
) -> None:
    async with opened(database_url, home) as app:
        await added(app, Path(listed(tmp_path, "one", "two")))
        await batches.pause(app, 1, paused=True)
        assert not (await batches.view(app, [1])).under_way
        await batches.pause(app, 1, paused=False)
        assert (await batches.view(app, [1])).under_way


async def test_stopping_a_batch_stops_what_has_not_ended_and_nothing_else(
    database_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "CHUNK", 2)
    async with opened(database_url, home) as app:
        await added(app, Path(listed(tmp_path, "crm for startups", "two", "three", "four", "five")))
        await threads.advance(app, await thread_of(app, "crm for startups"))
        await app.threads.set_status(await thread_of(app, "two"), "done")
        await app.threads.set_status(await thread_of(app, "three"), "failed")
        (tmp_path / "other").mkdir()
        await added(app, Path(listed(tmp_path / "other", "of another batch")))
        told: list[int] = []
        assert await batches.stop(app, 1, "dana", told.append) == 3
        [first] = (await batches.view(app, [1])).batches
        assert (first["stopped"], first["done"], first["failed"]) == (3, 1, 1)
        assert (await batches.view(app, [2])).batches[0]["queued"] == 1
        assert await app.reviews.inbox(None, 10) == []
        stopped = await app.threads.find(await thread_of(app, "crm for startups"))
        assert "dana" in stopped["ending"]["reason"] and "b-1" in stopped["ending"]["reason"]
        assert first_break(await app.threads.timeline(stopped["id"])) is None
    assert told == [2, 3]


async def test_an_id_in_use_is_no_reason_to_lose_a_keyword(pool: Pool) -> None:
    common = Common("acme", "seo", "k.csv", "local", "sam", "m", 1, "r", {"write": "b1"})
    rows = [NewThreadRow(word, {"keyword": word}, f"key of {word}", 0, None) for word in ("one", "two", "three")]
    ids = itertools.chain(["same"] * 4, map(str, itertools.count()))
    async with pool.connection() as connection, connection.transaction():
        number = await _create(connection, common)
        assert await _insert(connection, common, number, rows, lambda: next(ids)) == {row.batch_key for row in rows}
    [row] = await BatchStore(pool).overview([number], 1)
    assert row["threads"] == 3
    for thread in await ThreadStore(pool).newest(None, 5):
        assert first_break(await ThreadStore(pool).timeline(thread["thread_id"])) is None
