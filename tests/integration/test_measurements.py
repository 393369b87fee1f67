"""The benches and the eval run small, and what they count (never what they time) holds."""

from __future__ import annotations

import random
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from bench import console, disk, memory, pickup, policy, record, scale, servers, speed, superstep
from bench.counting import OURS, STOCK
from evals import samples
from policy.gate import load_gate
from runtime.inbox import parameters
from store import database
from store.reviews import ReviewStore
from store.sql import query
from store.threads import ThreadStore
from tests.integration.application import settings


async def test_a_superstep_is_one_commit(database_url: str) -> None:
    found = await superstep.measure(database_url, rounds=3)
    assert found[OURS.name].writes <= found[OURS.name].commits <= 1.1 < found[STOCK.name].writes
    assert superstep.report(found).figures[0].verdict == "ok"


def test_each_has_its_turn_in_each_round(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "WARM", 2)
    found = speed.measure(database_url, threads=2, rounds=1)
    assert set(found) == {OURS.name, STOCK.name, speed.SHARED, "DBOS"}
    assert all(len(rates) == 1 and rates[0] > 0 for rates in found.values())


@pytest.mark.skipif(
    shutil.which("cc") is None or sys.platform != "linux", reason="needs a C compiler and Linux's loader"
)
def test_the_slow_server_takes_a_millisecond_to_commit_and_nothing_else_is_slowed_down() -> None:
    with servers.slow() as server:
        assert server.commit >= servers.SLOW
        with psycopg.connect(server.url) as connection:
            assert connection.execute("show fsync").fetchone() == ("on",)


async def test_every_superstep_of_a_walk_has_its_bytes(database_url: str, home: Path) -> None:
    found = await disk.measure(database_url, home, ["crm for startups"], {"set_angle": 1})
    [grown] = found.grown
    assert set(grown) == set(range(-1, max(grown) + 1)) and min(grown.values()) > 0
    assert found.vacuumed.steps > found.before.steps and found.left.content > found.before.content


async def test_a_worker_holds_all_threads_in_a_model_call_at_once(database_url: str, home: Path) -> None:
    found = await memory.measure(database_url, home, 3)
    assert 0 < found.idle <= found.held <= found.peak


async def test_each_decision_is_taken_up_once_and_timed(database_url: str, home: Path) -> None:
    assert len(await pickup.measure(database_url, home, count=2, decisions=2)) == 2


async def test_a_made_up_history_is_of_the_size_that_was_asked_for(pool: database.Pool, database_url: str) -> None:
    found = await scale.measure(database_url, threads=2_000, events=3, calls=3, sweeps=1)
    assert found.size.threads == 2_000 and found.size.events == 6_000 and found.size.open == 60
    assert all(len(taken) == 3 for taken in found.reading.values())


async def test_copies_of_a_recorded_thread_hold_are_listed_and_run_again(database_url: str, home: Path) -> None:
    found = await record.measure(database_url, home, threads=3, checkpoints=70, rounds=1)
    assert (found.verified.threads, found.verified.broken) == (4, 0)
    assert len(found.listed) == record.CALLS and len(found.replays) == len(found.bare) == 1


def test_decisions_of_a_process_are_remembered_put_together_or_put_to_cedar() -> None:
    share = policy.shares(load_gate(), random.Random(1), calls=100)
    assert share.asked > 0 and sum(share) == pytest.approx(1)
    times = policy.timed(lambda: policy.decision(load_gate(), random.Random(1)), 2)
    names = (policy.NEVER_SEEN, policy.OFFERING, policy.AS_TEXT, "first decision of a process")
    said = policy.report(dict.fromkeys(names, times), share)
    assert len([figure for figure in said.figures if figure.target]) == 3


async def test_lists_are_the_newest_of_what_was_asked_for(pool: database.Pool) -> None:
    await scale.fill(pool, threads=300, events=1)
    threads, reviews = ThreadStore(pool), ReviewStore(pool)
    everything = list(await threads.newest(None, 300))
    assert len(everything) == 300 and everything == sorted(everything, key=lambda row: row["created_at"], reverse=True)
    failed = [row for row in everything if row["status"] == "failed"]
    assert failed and list(await threads.newest("failed", 300)) == failed
    assert list(await threads.newest("failed", 2)) == failed[:2]
    waiting = list(await reviews.inbox(None, 300))
    numbers = [row["number"] for row in waiting]
    assert numbers and numbers == sorted(numbers, reverse=True)
    of_one = [row for row in waiting if row["tenant"] == "tenant-0"]
    assert 0 < len(of_one) < len(waiting) and list(await reviews.inbox("tenant-0", 300)) == of_one


def test_the_inbox_gives_everything_once_in_the_order_of_urgency_page_by_page(database_url: str) -> None:
    console.fill(database_url, threads=300, events=1, waiting=200)
    now, after, seen = datetime.now(UTC), None, list[tuple[float, int]]()
    urgency = "weight * extract(epoch from %(now)s::timestamptz - opened_at)::float8"
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        asked = f"select {urgency} as urgency, number from review where state = 'open' order by 1 desc, 2"
        expected = connection.execute(asked.encode(), {"now": now}).fetchall()
        while rows := connection.execute(query("inbox_page"), parameters({}, "dana", now, after, 7)).fetchall():
            after = (rows[-1]["urgency"], rows[-1]["number"])
            seen += [(row["urgency"], row["number"]) for row in rows]
        chosen = {"task_type": "set_intent", "tier": "irreversible", "search": "keyword"}
        found = connection.execute(query("inbox_page"), parameters(chosen, "dana", now, None, 300)).fetchall()
        none = connection.execute(
            query("inbox_page"), parameters({"search": "nowhere"}, "dana", now, None, 9)
        ).fetchall()
    assert seen == [(row["urgency"], row["number"]) for row in expected] and len(seen) == 200
    assert found and {(row["task_type"], row["tier"]) for row in found} == {("set_intent", "irreversible")}
    assert none == []


async def test_a_sample_walk_says_what_was_asked_and_found(database_url: str, home: Path) -> None:
    keywords = [pair for pair in samples.bundled() if pair[0] == "payroll software pricing"]
    [walk] = await samples.walk_all(settings(database_url, home), keywords)
    assert walk.as_promised and walk.format == "product" and walk.check["words"] > 500
    assert "1 of 1 ended in a draft" in samples.table([walk])[-1]
    assert not walk._replace(asked=(*samples.DECISIONS, "publish_content")).as_promised
