"""A copy of a thread goes its own way: the thread stays as it is, and nothing outside is done a second time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli import fork as command
from core.errors import BadInput, NotFound
from core.people import Person
from runtime import forks, threads
from runtime.edits import StateEdit, edited_state, parsed_edit
from runtime.replay.run import replay
from runtime.seo import DOMAIN
from runtime.wiring import Application
from store.history import HistoryStore
from store.operations import OperationStore
from tests.integration.application import answered, events, opened, queued, started, waiting
from tests.integration.scripted import DECIDED, DRAFT, PUBLISH, WHOLE_ARTICLE, endpoint, script
from tests.integration.shop import Till, begun, shop
from tools.stubs import reaches_outside


async def copied(
    app: Application, thread_id: str, at: str, given: dict[str, Any] | None = None, live: bool = False
) -> str:
    """A copy, run to where it waits or ends."""
    thread = await app.threads.get(thread_id)
    plan = await forks.plan(app, thread, at, parsed_edit(given or {}), live, Person("sam"))
    copy = await forks.fork(app, plan, "sam")
    await threads.advance(app, copy)
    return copy


async def step_before(app: Application, thread_id: str, node: str) -> str:
    """The step of the last checkpoint that sent for `node`."""
    return str([each.step for each in await HistoryStore(app.pool).moments(thread_id) if node in each.waits][-1])


async def untouched(app: Application, thread_id: str) -> tuple[Any, ...]:
    thread = await app.threads.get(thread_id)
    moments = await HistoryStore(app.pool).moments(thread_id)
    return thread["status"], thread["last_hash"], thread["epoch"], [each.checkpoint_id for each in moments]


async def test_a_copy_publishes_nothing_and_leaves_the_thread_where_it_is(
    database_url: str, home: Path, llmock: Any
) -> None:
    script(llmock, *WHOLE_ARTICLE, DRAFT, PUBLISH)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        while (await app.threads.get(thread_id))["status"] == "waiting":
            await answered(app, thread_id)
        before = await untouched(app, thread_id)
        files = {path: path.read_bytes() for path in (home / "content").rglob("*") if path.is_file()}
        draft_proposed = next(
            stored.checkpoint_id
            for stored in await app.threads.timeline(thread_id)
            if stored.kind == "decision" and stored.body["action"] == "save_draft"
        )
        outcomes = await app.reviews.changed("tallyho", "save_draft")
        copy = await copied(app, thread_id, str(draft_proposed))
        assert (await waiting(app, copy))["task_type"] == "save_draft"  # asked again, although it was approved there
        await answered(app, copy)
        assert (await waiting(app, copy))["task_type"] == "publish_content"
        assert (await answered(app, copy))["status"] == "done"
        summaries = [body["summary"] for body in await events(app, copy, "tool_result")]
        assert summaries == ["stubbed: nothing was done outside"] * 2
        assert await untouched(app, thread_id) == before
        assert {path: path.read_bytes() for path in files} == files
        assert not any((home / "content").rglob("forks/*/published/*"))
        assert await app.reviews.changed("tallyho", "save_draft") == outcomes
        assert (await replay(app, await app.threads.get(copy))).difference is None
        assert (await replay(app, await app.threads.get(thread_id))).difference is None


async def test_a_live_copy_is_answered_from_the_ledger(database_url: str, home: Path) -> None:
    till = Till()
    async with shop(database_url, home, till) as app:
        thread_id = await begun(app)
        await threads.advance(app, thread_id)
        thread = await app.threads.get(thread_id)
        plan = await forks.plan(app, thread, "1", StateEdit(), True, Person("sam"))
        assert [(effect.action, effect.fate) for effect in plan.effects] == [("charge", "answered")]
        live = await copied(app, thread_id, "1", live=True)
        [call] = await events(app, live, "tool_call")
        assert call["replayed"] and len(till.sent) == 1
        stubbed = await copied(app, thread_id, "1")
        assert (await events(app, stubbed, "tool_result"))[0]["summary"].startswith("stubbed")
        assert len(till.sent) == 1 and len(await OperationStore(app.pool).newest(None, 9)) == 2
        copy_of_a_copy = await copied(app, stubbed, "1")
        assert (await app.threads.get(copy_of_a_copy))["status"] == "done" and len(till.sent) == 1


async def test_what_was_decided_there_is_decided_anew_here_with_the_edit(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        before_execution = await step_before(app, thread_id, "escalation_score")
        edit = {"proposal": {"arguments": {"format": "guide"}}, "counters": {"steps": 3}}
        copy = await copied(app, thread_id, before_execution, edit)
        review = await waiting(app, copy)
        assert review["request"]["action_requests"][0]["args"]["format"] == "guide"
        assert [body["action"] for body in await events(app, copy, "policy_check")] == ["set_intent"]
        again = await copied(app, thread_id, before_execution, {"proposal": None, "results": {"pages": None}})
        assert [body["action"] for body in await events(app, again, "tool_result")] == ["fetch_pages"]
        from_the_start = await copied(app, thread_id, "-1")
        assert (await waiting(app, from_the_start))["task_type"] == "set_intent"
        for each in (copy, again, from_the_start):
            assert (await replay(app, await app.threads.get(each))).difference is None


async def test_a_copy_whose_maker_died_before_it_began_still_begins_there(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        plan = await forks.plan(app, await app.threads.get(thread_id), "6", StateEdit(), False, Person("sam"))
        copy = await forks.fork(app, plan, "sam")
    async with opened(database_url, home) as app:
        await threads.advance(app, copy)
        assert await events(app, copy, "tool_result") == []  # search and fetch are in the state it began with


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"policy": {"outcome": "allow"}}, "refused at policy"),
        ({"trust_tier": "clean"}, "refused at trust_tier"),
        ({"task": {"tenant": "other"}}, "refused at task"),
        ({"results": {"pages": {"sha256": "0" * 64}}}, "refused at results.pages"),
        ({"results": {"nothing": None}}, "The state has no result nothing"),
        ({"counters": {"steps": -1}}, "refused at counters.steps"),
        ({"feedback": [{"kind": "denied", "message": "x"}]}, "refused at feedback.0.kind"),
        ({"declined": ["format_disk"]}, "There is no tool format_disk"),
        ({"proposal": {"arguments": {"format": "limerick"}}}, "does not fit set_intent"),
        ({"proposal": {"action": "publish_content", "arguments": {}}}, "refused at proposal.action"),
    ],
)
def test_an_edit_that_the_schema_refuses_says_where(given: dict[str, Any], message: str) -> None:
    intent = {**DECIDED[0][1]}
    state = {
        "results": {"pages": {"sha256": "0" * 64}},
        "proposal": {"id": "p", "action": "set_intent", "arguments": intent},
    }
    with pytest.raises(BadInput, match=message) as error:
        edited_state(DOMAIN, state, parsed_edit(given), "q")
    assert error.value.exit_code == 2


async def test_bad_input_is_refused_before_anything_is_made(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("AUTONOMY_HOME", str(home))
    async with opened(database_url, home) as app:
        first, other = await started(app), await queued(app, "kanban vs scrum")
        foreign = (await HistoryStore(app.pool).moments(first))[3].checkpoint_id
        await answered(app, first)
    with pytest.raises(NotFound, match="is no checkpoint of thread"):
        await command.fork(command.Asked(other, foreign, None, False, True, None, True), json=False)
    with pytest.raises(BadInput, match="say --yes"):
        await command.fork(command.Asked(first, "6", None, False, False, None, True), json=False)
    assert "set_intent" in capsys.readouterr().out  # what may be done again is shown first
    assert await command.fork(command.Asked(first, "6", None, False, True, None, True), json=False) == 0
    async with opened(database_url, home, AUTONOMY_ENVIRONMENT="staging") as app:
        assert len(await app.threads.newest(None, 9)) == 3
        staged = await started(app)
        with pytest.raises(
            BadInput, match="sam .* is no admin in staging, and only an admin lets a copy reach outside"
        ):
            await copied(app, staged, "1", live=True)


def test_every_tool_that_changes_something_outside_is_stubbed() -> None:
    outside = {name for name, spec in DOMAIN.tools.items() if reaches_outside(spec)}
    assert outside == {"save_draft", "publish_content"}
