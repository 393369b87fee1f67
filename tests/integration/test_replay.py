"""A recorded thread is run again from its record alone, whatever became of it, and decides the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest
from langgraph.runtime import RunControl
from psycopg import sql

from cli import replay as command
from core.domain import PromptMessage
from core.errors import BadInput, ToolError
from domains.seo.domain import SeoDomain
from nodes.bindings import Bindings
from runtime import threads
from runtime.replay.bindings import replaying
from runtime.replay.many import replay_all
from runtime.replay.record import read
from runtime.replay.run import Replayed, replay
from runtime.wiring import Application, Parts, open_application
from store.database import Pool
from store.transitions import TransitionSaver
from tests.integration.application import DANA, answered, opened, queued, settings, started, waiting
from tests.integration.scripted import DECIDED, WHOLE_ARTICLE, endpoint, script
from tests.integration.shop import LOST, Till, begun, shop

LATER = ToolError("The till asks to come back later (429).", "transient", never_sent=True)
TABLES = "select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'"


async def the_same(app: Application, thread_id: str, least: int = 1) -> Replayed:
    """Replays, and sees that every decided event came out and that nothing in the database has changed."""
    before = await _digest(app.pool)
    replayed = await replay(app, await app.threads.get(thread_id))
    assert replayed.difference is None
    assert replayed.decided >= least
    assert await _digest(app.pool) == before
    return replayed


async def _digest(pool: Pool) -> dict[str, Any]:
    """Table -> hash of all its rows."""
    found = {}
    async with pool.connection() as connection:
        for row in await (await connection.execute(TABLES)).fetchall():
            name = sql.Identifier(row["table_name"])
            every = sql.SQL("select md5(string_agg(t::text, ' ' order by t::text)) as digest from {} t").format(name)
            found[row["table_name"]] = await (await connection.execute(every)).fetchone()
    return found


async def to_the_end(app: Application, thread_id: str) -> None:
    while (await app.threads.get(thread_id))["status"] == "waiting":
        await answered(app, thread_id)


async def test_a_thread_that_was_edited_rejected_and_approved_decides_the_same(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        await the_same(app, thread_id, 8)  # while it waits
        await answered(app, thread_id, "edit", {"format": "guide", "reader": "A founder"})
        await answered(app, thread_id, "reject", message="too close to what ranks")
        await to_the_end(app, thread_id)
        replayed = await the_same(app, thread_id, 60)
        moments = [stored for stored in await app.threads.timeline(thread_id) if stored.kind == "decision"]
        assert replayed.supersteps > 2 * len(moments)


async def test_a_model_that_stumbled_asked_and_published_is_answered_from_its_record(
    database_url: str, home: Path, llmock: Any
) -> None:
    question = ("ask_human", {"question": "Whom is it for?", "why": "Two fit.", "options": ["founders", "sales"]})
    nonsense = [("set_intent", {"format": each}) for each in ("limerick", "ode", "sonnet", "haiku")]
    script(llmock, question, *nonsense, *WHOLE_ARTICLE)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        await answered(app, thread_id, "respond", message="founders only")
        await to_the_end(app, thread_id)
        assert (home / "content/tallyho/published/crm-for-startups.md").exists()
        asked = len(llmock.requests)
        await the_same(app, thread_id, 40)
        assert len(llmock.requests) == asked


async def test_unusable_answers_up_to_a_handed_back_blocker_are_replayed(
    database_url: str, home: Path, llmock: Any
) -> None:
    from llmock.scenarios import Match, Reply

    for _ in range(2):
        llmock.add(Reply(text="I would rather not.", match=Match(tools=True)))
    llmock.add(Reply(text="Quite sure.", match=Match(tools=False)))  # a self-report that is none
    script(llmock, *[("set_intent", {"format": "limerick"})] * 3, *DECIDED)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        assert (await waiting(app, thread_id))["kind"] == "blocker"
        await answered(app, thread_id, "respond", message="hand_back the format is one of the listed words")
        failures = [stored.body for stored in await app.threads.timeline(thread_id) if stored.kind == "failure"]
        assert [body["class"] for body in failures][:3] == ["model_answer"] * 3
        assert all(body["model_call"] for body in failures[:3])
        await the_same(app, thread_id, 15)


class DiesOnce(TransitionSaver):
    """Dies where a run that is killed dies worst: the model was paid for, and nothing of the step is stored."""

    dies_at: ClassVar[dict[str, int]] = {}

    dead = False

    async def _store(self, row: Any) -> None:
        said = [item for task in self._buffer for told in task.of("events") for item in told]
        for item in said:
            if item["body"].get("action") in ("set_intent", "set_angle") and self.dies_at.get(item["kind"], 0):
                self.dies_at[item["kind"]] -= 1
                self.dead = True
        if self.dead:
            raise psycopg.OperationalError("the machine is gone")
        await super()._store(row)


async def test_a_run_that_was_killed_after_the_model_answered_is_replayed_by_what_was_committed(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DiesOnce, "dies_at", {"decision": 1, "tool_result": 1})
    async with open_application(settings(database_url, home), Parts(saver=DiesOnce)) as app:
        thread_id = await queued(app)
        with pytest.raises(psycopg.OperationalError):
            await threads.advance(app, thread_id)
        await threads.advance(app, thread_id)
        with pytest.raises(psycopg.OperationalError):
            await answered(app, thread_id)
        await threads.advance(app, thread_id)
        await to_the_end(app, thread_id)
        record = await read(app, await app.threads.get(thread_id))
        named = {stored.body["model_call"] for stored in record.events if stored.kind == "decision"}
        assert len([call for call in record.calls if call["purpose"] == "choose"]) > len(named - {None})
        await the_same(app, thread_id, 60)


@pytest.mark.parametrize("word", ["happened receipt 4711", "did_not_happen", "abandon nobody can tell"])
async def test_an_effect_that_was_unknown_and_a_persons_word_on_it_are_replayed(
    database_url: str, home: Path, word: str
) -> None:
    till = Till([LOST])
    async with shop(database_url, home, till, "staging") as app:
        thread_id = await begun(app)
        await threads.advance(app, thread_id)
        await answered(app, thread_id)
        await answered(app, thread_id, "respond", message=word)
        sent = len(till.sent)
        await the_same(app, thread_id, 8)
        assert len(till.sent) == sent


async def test_what_was_postponed_drifted_and_failed_by_a_bug_is_replayed(database_url: str, home: Path) -> None:
    till = Till([LATER, RuntimeError("a bug"), {"receipt": ""}])
    async with shop(database_url, home, till, idempotency="idempotent", attempts=1) as app:
        thread_id = await begun(app)
        with pytest.raises(ToolError):
            await threads.advance(app, thread_id)
        with pytest.raises(RuntimeError):
            await threads.advance(app, thread_id)
        assert (await app.threads.get(thread_id))["status"] == "failed"
        assert (await the_same(app, thread_id, 2)).passed == 0  # the record ends with it
        await threads.advance(app, thread_id)
        assert (await waiting(app, thread_id))["kind"] == "blocker"
        assert (await the_same(app, thread_id, 4)).passed == 1
        await answered(app, thread_id, "respond", message="hand_back the till is repaired")
        await the_same(app, thread_id, 8)


async def test_stopped_drained_and_barely_begun_threads_are_replayed(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        stopped = await started(app)
        await threads.stop(app, stopped, DANA, "not needed any more")
        await the_same(app, stopped, 8)
        drained, control = await queued(app, "payroll software pricing"), RunControl()

        def two_steps(node: str, changes: Mapping[str, Any]) -> None:
            if node == "policy_check":
                control.request_drain("enough")

        await threads.advance(app, drained, two_steps, control)
        assert (await app.threads.get(drained))["status"] == "queued"
        await the_same(app, drained, 2)
        nobody = await queued(app, "kanban vs scrum")
        tally = await replay_all(app, None)
        assert (tally.threads, tally.same, tally.parted, tally.refused) == (2, 2, {}, {})
        assert (await replay_all(app, datetime.now(UTC) + timedelta(days=1))).threads == 0
        assert (await replay(app, await app.threads.get(nobody))).decided == 0


async def test_other_rules_are_said_before_and_the_first_difference_is_shown(
    database_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "mine.cedar").write_text(
        '@id("no-fetching")\n@says("fetching is off")\n'
        'forbid (principal, action == Action::"call", resource == Tool::"fetch_pages");\n'
    )
    for name, value in {
        "DATABASE_URL": database_url, "AUTONOMY_HOME": str(home), "AUTONOMY_POLICIES": str(rules), "COLUMNS": "200",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match="recorded by another version") as refused:
        await command.replay(thread_id, json=False)
    assert refused.value.exit_code == 2
    assert "Other rules were in force. Replay it all the same with --anyway." in str(refused.value)
    assert capsys.readouterr().out == ""
    assert await command.replay(thread_id, json=False, anyway=True) == 1
    said = capsys.readouterr().out
    assert "It was recorded by release" in said and "Other rules were in force." in said
    assert "It parts from the record at #" in said and "fetch_pages may not be offered now" in said
    assert await command.every("2026-01-01", json=False) == 0
    said = capsys.readouterr().out
    assert "1 left out, recorded by another version (--anyway runs them): Other rules were in force." in said
    assert "1 threads: 0 the same, 0 part from their record, 0 cannot be run again, 1 left out" in said
    assert await command.every("2026-01-01", json=False, anyway=True) == 1
    assert "1 threads: 0 the same, 1 part from their record" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("graph_version", "0", "The graph is version"),
        ("behaviour_versions", '\'{"set_intent": "another"}\'', "set_intent has other prompts, another tool or other"),
        ("release", "'another'", ""),
    ],
)
async def test_another_version_is_said_before_it_starts_and_another_release_alone_is_no_obstacle(
    database_url: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    column: str,
    value: str,
    why: str,
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        async with app.pool.connection() as connection:
            await connection.execute(f"update thread set {column} = {value}".encode())
    for name, setting in {"DATABASE_URL": database_url, "AUTONOMY_HOME": str(home)}.items():
        monkeypatch.setenv(name, setting)
    if why:
        with pytest.raises(BadInput, match=why) as refused:
            await command.replay(thread_id, json=False)
        assert refused.value.exit_code == 2
    assert await command.replay(thread_id, json=False, anyway=bool(why)) == 0
    said = capsys.readouterr().out
    assert (why or "It was recorded by release another") in said and "The same: " in said
    assert await command.every(None, json=False) == 0
    assert f"{0 if why else 1} the same" in capsys.readouterr().out


async def test_another_prompt_is_found_at_the_message_that_differs(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        said = SeoDomain.messages

        def changed(self: SeoDomain, view: Any, offered: Any) -> list[PromptMessage]:
            first, *others = said(self, view, offered)
            return [PromptMessage("system", first.text + " Be brief."), *others]

        monkeypatch.setattr(SeoDomain, "messages", changed)
        replayed = await replay(app, await app.threads.get(thread_id))
    assert replayed.difference is not None
    assert replayed.difference.parts == ("message 1 to the model",)
    assert replayed.difference.recorded is not None and replayed.difference.recorded["kind"] == "decision"


async def test_what_cannot_be_run_again_is_refused_with_the_reason(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("AUTONOMY_HOME", str(home))
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        thread = await app.threads.get(thread_id)
        async with app.pool.connection() as connection:
            for statement, why in (
                ("update model_call set messages = '[]'", "was pruned"),
                ("delete from artifact where media <> 'application/json'", "is not in the store"),
                ("update thread set graph_version = 99", "recorded by a later release"),
                ("update thread set last_hash = repeat('0', 64)", "does not hold"),
            ):
                await connection.execute(statement)
                with pytest.raises(BadInput, match=why) as error:
                    await command.replay(thread_id, json=False)
                assert error.value.exit_code == 2
        tally = await replay_all(app, None)
        assert "does not hold" in tally.refused[thread["id"]]
    for wrong in ("yesterday", "2026-13-01"):
        with pytest.raises(BadInput, match="is no date"):
            await command.every(wrong, json=False)


async def test_every_port_of_the_nodes_is_answered_by_the_record(database_url: str, home: Path) -> None:
    """A port that is new in Bindings must be answered here too, or a replay would ask the world."""
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        thread = await app.threads.get(thread_id)
        playing = replaying(app, await read(app, thread))
        live = await app.bind(thread, 0)
    given = {each.name for each in fields(Bindings)}
    fixed = {"domain", "gate", "environment", "offline", "limits", "postponed"}
    assert all(getattr(playing.bound, name) == getattr(live, name) for name in fixed - {"postponed"})
    for name in given - fixed - {"new_id"}:
        answers = type(getattr(playing.bound, name))
        assert answers.__module__.startswith("runtime.replay."), f"{name} is not answered from the record"
