"""What threads that ended long ago no longer need goes; everything that is shown, proved or read again stays."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from cli.prune import duration
from core.actions import Ref
from core.canonical import canonical_json, sha256
from core.errors import BadInput
from core.events import first_break
from core.state import ThreadState
from graph.build import build
from nodes.views import view_of
from runtime.running import run_config
from runtime.timeline import in_words, proposals
from runtime.wiring import Application
from store import retention
from store.artifacts import PostgresArtifacts
from store.database import Pool
from store.retention import Pruned
from tests.integration.application import answered, opened, started
from tests.integration.commands import CommandsHere
from tests.integration.threads import new_thread

QUARTER: Final = timedelta(days=90)
DEADLINE: Final = 60.0
KEPT: Final = ("event", "review", "outcome", "operation", "operation_history", "document", "thread", "artifact")


async def finished(app: Application, keyword: str = "crm for startups") -> str:
    """A thread that was decided on to its end."""
    thread_id = await started(app, keyword)
    while (await app.threads.find(thread_id))["status"] == "waiting":
        await answered(app, thread_id)
    assert (await app.threads.find(thread_id))["status"] == "done"
    return thread_id


async def aged(pool: Pool, days: int = 100) -> None:
    """As if everything had happened so long ago."""
    async with pool.connection() as connection:
        await connection.execute(f"update thread set updated_at = updated_at - interval '{days} days'")
        await connection.execute(f"update artifact set used_at = used_at - interval '{days} days'")


async def prune(pool: Pool, *, dry_run: bool = False) -> Pruned:
    pruned = Pruned()
    await retention.prune(pool, QUARTER, pruned, dry_run=dry_run)
    return pruned


async def rows(pool: Pool, sql: str) -> list[dict[str, Any]]:
    async with pool.connection() as connection:
        return await (await connection.execute(sql.encode())).fetchall()


async def counts(pool: Pool, *tables: str) -> dict[str, int]:
    return {table: (await rows(pool, f"select count(*) as n from {table}"))[0]["n"] for table in tables}


async def last_state(app: Application, thread_id: str) -> Mapping[str, Any]:
    thread = await app.threads.find(thread_id)
    saver = app.parts.saver(app.pool, thread_id, thread["epoch"])
    graph = build(await app.bind(thread, thread["epoch"])).compile(checkpointer=saver)
    return dict((await graph.aget_state(run_config(thread_id))).values)


async def exports(app: Application, thread_id: str) -> Mapping[str, str]:
    """The files that show the work, made from what is stored."""
    domain = app.domain((await app.threads.find(thread_id))["domain"])
    state: ThreadState = await last_state(app, thread_id)  # type: ignore[assignment]
    return dict(domain.exports(await view_of(app.artifacts, domain.reads, state)))


async def shown(app: Application, thread_id: str) -> list[tuple[str, str]]:
    told = await app.threads.timeline(thread_id)
    assert first_break(told) is None
    tenant = (await app.threads.find(thread_id))["tenant"]
    texts = await app.artifacts.find(tenant, proposals(told))
    assert set(texts) == set(proposals(told))
    return [in_words(stored, texts) for stored in told]


async def test_what_is_shown_read_and_proved_is_the_same_after_pruning(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await finished(app)
        await aged(app.pool)
        before = [await look(app, thread_id) for look in (shown, last_state, exports)]
        kept = await counts(app.pool, *KEPT)
        calls = await rows(app.pool, "select id, purpose, input_tokens, cost, latency_ms from model_call order by id")
        pruned = await prune(app.pool)
        assert [await look(app, thread_id) for look in (shown, last_state, exports)] == before
        assert before[2] and all(before[2].values())
        assert await counts(app.pool, *KEPT) == kept
        assert (pruned.threads, pruned.artifacts) == (1, 0)
        assert pruned.checkpoints > 20 and pruned.blobs > 20 and pruned.writes > 0
        assert await counts(app.pool, "checkpoints") == {"checkpoints": 1}
        now = await rows(app.pool, "select id, purpose, input_tokens, cost, latency_ms from model_call order by id")
        assert now == calls and pruned.model_calls == len(calls) > 0
        left = await rows(app.pool, "select distinct messages::text, answer::text from model_call")
        assert left == [{"messages": "[]", "answer": None}]
        assert await prune(app.pool) == Pruned()


async def test_every_reference_of_the_last_state_still_leads_to_content(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await finished(app)
        await aged(app.pool)
        await prune(app.pool)
        state = await last_state(app, thread_id)
        task = (await app.threads.find(thread_id))["task"]
        refs = [*state["results"].values(), task["profile"], task["serp"]]
        texts = await app.artifacts.read(task["tenant"], [ref["sha256"] for ref in refs])
        pages = [page["text_sha256"] for page in _json(texts[state["results"]["pages"]["sha256"]])["pages"]]
        await app.artifacts.read(task["tenant"], [page for page in pages if page])
    assert any(pages)


def _json(text: str) -> dict[str, Any]:
    import json

    return dict(json.loads(text))


async def test_threads_that_can_go_on_or_ended_lately_are_not_touched(database_url: str, home: Path) -> None:
    tables = ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "model_call", *KEPT)
    async with opened(database_url, home) as app:
        lately = await finished(app)
        waiting, failed = await started(app, "kanban vs scrum"), await started(app, "best time tracking software")
        await app.threads.set_status(failed, "failed")
        await aged(app.pool)
        async with app.pool.connection() as connection:
            await connection.execute("update thread set updated_at = now() where id = %s", [lately])
        before = [await rows(app.pool, f"select md5(t::text) from {table} t order by 1") for table in tables]
        assert await prune(app.pool) == Pruned()
        assert before == [await rows(app.pool, f"select md5(t::text) from {table} t order by 1") for table in tables]
        assert (await answered(app, waiting))["status"] == "waiting"


async def test_a_dry_run_says_what_a_run_does_and_does_nothing(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "THREADS", 1)
    async with opened(database_url, home) as app:
        for keyword in ("crm for startups", "kanban vs scrum"):
            await finished(app, keyword)
        await app.artifacts.put("tallyho", "nobody needs it", "text/plain", "test", "model")
        await aged(app.pool)
        tables = ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "artifact")
        before = await counts(app.pool, *tables)
        would = await prune(app.pool, dry_run=True)
        assert await counts(app.pool, *tables) == before
        assert would == await prune(app.pool)
    assert (would.threads, would.artifacts, would.bytes) == (2, 1, len("nobody needs it"))


async def test_a_thread_that_somebody_holds_is_left_for_another_time(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await finished(app)
        await aged(app.pool)
        async with app.pool.connection() as connection, connection.transaction():
            await connection.execute("select 1 from thread where id = %s for update", [thread_id])
            assert await prune(app.pool) == Pruned()
        assert (await prune(app.pool)).threads == 1


def test_a_prune_that_is_killed_has_done_whole_chunks_and_is_run_again(database_url: str, home: Path) -> None:
    async def prepared() -> list[str]:
        async with opened(database_url, home) as app:
            made = [await finished(app, keyword) for keyword in ("crm for startups", "kanban vs scrum")]
            await aged(app.pool)
            return made

    async def checked() -> int:
        async with opened(database_url, home) as app:
            assert all([await exports(app, thread_id) for thread_id in made])
            return (await counts(app.pool, "checkpoints"))["checkpoints"]

    made = asyncio.run(prepared())
    autonomy, before = CommandsHere(home, DATABASE_URL=database_url), asyncio.run(checked())
    with psycopg.connect(database_url) as holder:
        holder.execute("select 1 from model_call where thread_id = %s for update", [max(made)])
        process = autonomy.start("prune", "--older-than", "90d", stderr=subprocess.PIPE)
        _until_blocked(database_url)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=DEADLINE)
    assert asyncio.run(checked()) == before
    assert autonomy.read("prune", "--older-than", "13w")["threads"] == 2
    assert asyncio.run(checked()) == 2


def _until_blocked(database_url: str) -> None:
    """Until some session waits for a lock."""
    until = time.monotonic() + DEADLINE
    waits = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    with psycopg.connect(database_url, autocommit=True) as connection:
        while connection.execute(waits).fetchone() is None:
            assert time.monotonic() < until
            time.sleep(0.01)


async def test_only_what_nothing_refers_to_and_nobody_put_lately_goes(pool: Pool) -> None:
    artifacts = PostgresArtifacts(pool)

    async def put(text: str, media: str = "text/plain") -> Ref:
        return await artifacts.put("acme", text, media, "test", "model")

    page, deep = await put("a page that only a fetch names"), await put("named by the page's index")
    index = await put(canonical_json({"text": deep.sha256}), "application/json")
    fetch = await put(canonical_json({"page": page.sha256, "index": index.sha256}), "application/json")
    task, orphan, again = await put("of a task"), await put("of nobody"), await put("put again")
    await new_thread(pool, task={"tenant": "acme", "profile": task.to_json(), "fetch": fetch.to_json()})
    await aged(pool)
    young = await put("just put")
    assert await put("put again") == again
    pruned = await prune(pool)
    assert (pruned.artifacts, pruned.bytes) == (1, len("of nobody"))
    kept = [page, deep, index, fetch, task, again, young]
    assert len(await artifacts.find("acme", [ref.sha256 for ref in [*kept, orphan]])) == len(kept)


async def test_each_place_that_names_an_artifact_keeps_it(pool: Pool) -> None:
    artifacts, thread_id = PostgresArtifacts(pool), await new_thread(pool)
    names = ("event", "review", "operation", "document")
    refs = {name: await artifacts.put("acme", f"of the {name}", "text/plain", "t", "model") for name in names}
    said = {name: canonical_json({"ref": ref.sha256}) for name, ref in refs.items()}
    async with pool.connection() as connection:
        await connection.execute(
            "insert into event values (%s, 2, 'acme', 'commit', 'decided', 'a', now(), null, %s, '', '')",
            [thread_id, said["event"]],
        )
        await connection.execute(
            "insert into review (tenant, thread_id, kind, interrupt_id, checkpoint_id, task_type, action_hash, request)"
            " values ('acme', %s, 'action', 'i', 'c', 't', 'h', %s)",
            [thread_id, said["review"]],
        )
        await connection.execute(
            "insert into operation (key, tenant, thread_id, tool, proposal_id, request_hash, state, results)"
            " values ('k', 'acme', %s, 't', 'p', 'r', 'succeeded', %s)",
            [thread_id, said["operation"]],
        )
        document = [thread_id, refs["document"].sha256]
        await connection.execute("insert into document values (%s, 'd', 1, 'acme', %s)", document)
    await aged(pool)
    assert (await prune(pool)).artifacts == 0


async def _delete_orphans(connection: Any) -> Mapping[str, Any] | None:
    pruned = Pruned()
    await retention._collect_referred(connection)
    await retention._prune_artifacts(connection, retention._START, pruned, dry_run=False)
    return {"artifacts": pruned.artifacts}


async def test_an_artifact_that_a_run_is_putting_again_at_this_moment_is_kept(pool: Pool) -> None:
    ref = await PostgresArtifacts(pool).put("acme", "used again", "text/plain", "t", "model")
    await aged(pool)
    async with pool.connection() as running, running.transaction():
        await PostgresArtifacts(pool, running).put("acme", "used again", "text/plain", "t", "model")
        async with pool.connection() as pruning:
            assert await _delete_orphans(pruning) == {"artifacts": 0}
    assert await PostgresArtifacts(pool).find("acme", [ref.sha256])


async def test_an_artifact_that_is_put_while_it_is_deleted_is_stored_anew(pool: Pool) -> None:
    artifacts = PostgresArtifacts(pool)
    ref = await artifacts.put("acme", "used again", "text/plain", "t", "model")
    await aged(pool)
    async with pool.connection() as pruning, pool.connection() as watching:
        async with pruning.transaction():
            assert await _delete_orphans(pruning) == {"artifacts": 1}
            putting = asyncio.create_task(artifacts.put("acme", "used again", "text/plain", "t", "model"))
            waits = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            while await (await watching.execute(waits)).fetchone() is None:
                assert not putting.done()
        await putting
    assert await artifacts.read("acme", [ref.sha256]) == {ref.sha256: "used again"}


async def test_putting_what_was_put_within_the_hour_writes_nothing(pool: Pool) -> None:
    artifacts = PostgresArtifacts(pool)
    ref = await artifacts.put("acme", "twice", "text/plain", "t", "model")
    before = await rows(pool, "select xmin, ctid, used_at from artifact")
    assert await artifacts.put("acme", "twice", "text/plain", "t", "model") == ref
    after = await rows(pool, "select xmin, ctid, used_at from artifact")
    assert [(row["xmin"], row["ctid"], row["used_at"]) for row in after] == [
        (row["xmin"], row["ctid"], row["used_at"]) for row in before
    ]
    assert sha256("twice") == ref.sha256


async def test_the_last_checkpoint_of_every_namespace_stays_with_its_values_and_writes(pool: Pool) -> None:
    thread_id = await new_thread(pool)
    async with pool.connection() as connection:
        for namespace, numbers in (("", (1, 2, 3)), ("sub:1", (1, 2))):
            for number in numbers:
                versions = canonical_json({"channel_versions": {"changing": str(number), "constant": "1"}})
                place = [thread_id, namespace, str(number)]
                await connection.execute(
                    "insert into checkpoints values (%s, %s, %s, null, null, %s)", [*place, versions]
                )
                await connection.execute(
                    "insert into checkpoint_writes values (%s, %s, %s, 't', 0, 'c', null, '')", place
                )
                for channel, version in (("changing", str(number)), ("constant", "1")):
                    await connection.execute(
                        "insert into checkpoint_blobs values (%s, %s, %s, %s, 'msgpack', '') on conflict do nothing",
                        [thread_id, namespace, channel, version],
                    )
        await connection.execute("update thread set status = 'stopped'")
    await aged(pool)
    pruned = await prune(pool)
    assert (pruned.checkpoints, pruned.blobs, pruned.writes) == (3, 3, 3)
    left = await rows(pool, "select checkpoint_ns, channel, version from checkpoint_blobs order by 1, 2")
    assert [tuple(row.values()) for row in left] == [
        ("", "changing", "3"), ("", "constant", "1"), ("sub:1", "changing", "2"), ("sub:1", "constant", "1"),
    ]  # fmt: skip
    places = [{"checkpoint_ns": "", "checkpoint_id": "3"}, {"checkpoint_ns": "sub:1", "checkpoint_id": "2"}]
    assert await rows(pool, "select checkpoint_ns, checkpoint_id from checkpoint_writes order by 1") == places


def test_an_age_is_hours_days_or_weeks_and_nothing_else() -> None:
    assert [duration(text) for text in ("12h", "90d", "4w")] == [
        timedelta(hours=12), timedelta(days=90), timedelta(weeks=4),
    ]  # fmt: skip
    for text in ("", "90", "0d", "-1d", "1.5d", "90D", "90 d", "3m", "99999d", "٣d", "90d\n"):
        with pytest.raises(BadInput, match="not an age; say hours, days or weeks"):
            duration(text)


def test_pruning_is_said_in_words_and_show_still_works(database_url: str, home: Path) -> None:
    async def prepared() -> str:
        async with opened(database_url, home) as app:
            made = await finished(app)
            await aged(app.pool)
            return made

    thread_id, autonomy = asyncio.run(prepared()), CommandsHere(home, DATABASE_URL=database_url)
    dry = autonomy("prune", "--older-than", "90d", "--dry-run").stdout
    assert "Would be pruned: 1 thread done or stopped for 90d or longer" in dry
    done = autonomy("prune", "--older-than", "90d").stdout
    assert done == dry.replace("Would be pruned", "Pruned")
    after = autonomy.read("show", thread_id)
    assert after["chain_broken_at"] is None and after["status"] == "done"


async def test_the_migration_finds_what_earlier_artifacts_name(pool: Pool) -> None:
    script = resources.files("migrations").joinpath("versions", "0002_durable.sql").read_text()
    [statement] = re.findall(r"^update artifact set refers = .*?;", script, re.DOTALL | re.MULTILINE)
    named = canonical_json({"a": "f" * 64, "b": ["0" * 64, "f" * 64, "g" * 64]})
    await PostgresArtifacts(pool).put("acme", named, "application/json", "t", "model")
    await PostgresArtifacts(pool).put("acme", "f" * 64, "text/plain", "t", "model")
    put = await rows(pool, "select refers from artifact order by media")
    await rows(pool, "update artifact set refers = '{}' returning 1")
    await rows(pool, f"{statement.rstrip(';')} returning 1")
    migrated = await rows(pool, "select array(select unnest(refers) order by 1) as refers from artifact order by media")
    assert migrated == put == [{"refers": ["0" * 64, "f" * 64]}, {"refers": []}]
