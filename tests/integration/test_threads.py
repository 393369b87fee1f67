"""The main job without a language model, in process: from search results to a saved draft, with people in between."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import frontmatter
import pytest
from langgraph.runtime import RunControl

from core.errors import AlreadyDecided, BadInput, ThreadBusy
from core.events import first_break
from graph.version import GRAPH_VERSION
from runtime import threads
from runtime.wiring import Application
from store.threads import Lease, ThreadStore
from tests.integration.application import DANA, answered, events, opened, queued, started, waiting


async def test_a_keyword_costs_four_decisions_and_ends_in_a_marked_draft(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        asked = []
        while (await app.threads.find(thread_id))["status"] == "waiting":
            asked.append((await waiting(app, thread_id))["task_type"])
            await answered(app, thread_id)
        thread = await app.threads.find(thread_id)
        timeline = await app.threads.timeline(thread_id)
    assert asked == ["set_intent", "set_angle", "set_outline", "save_draft"]
    assert thread["status"] == "done"
    assert first_break(timeline) is None
    draft = frontmatter.load(str(home / "content/tallyho/drafts/crm-for-startups.md"))
    assert draft["model"] == "offline-extractive" and "not an article" in str(draft["note"])
    assert not (home / "content/tallyho/published").exists()


async def test_the_first_stop_has_a_brief_from_the_results(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        await started(app, "kanban vs scrum")
    brief = (home / "content/tallyho/kanban-vs-scrum/brief.md").read_text()
    assert "## Intent" in brief and "## Outline" in brief and "not decided" in brief
    assert ".example/" in brief


async def test_a_review_says_why_what_and_what_approving_does(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        request = (await waiting(app, await started(app)))["request"]
    assert "5 lists, 3 guides, 2 product pages; no format has a majority" in " ".join(request["why"])
    assert "nothing is certified for this task yet" in request["why"][-1]
    assert request["approving_will"] and request["evidence"]
    assert request["score"]["band"] == "review"
    assert request["review_configs"][0]["allowed_decisions"] == ["approve", "edit", "reject"]


async def test_an_edit_is_what_runs_and_is_remembered_as_a_change(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        review = await waiting(app, thread_id)
        await answered(app, thread_id, "edit", {"format": "guide", "reader": "A founder"})
        assert (await waiting(app, thread_id))["task_type"] == "set_angle"
        decisions = await events(app, thread_id, "review_decided")
        commits = await events(app, thread_id, "commit")
        assert commits[0]["action_hash"] == decisions[0]["decided_hash"] != review["action_hash"]
        assert await app.reviews.changed("tallyho", "set_intent") == (1, 1, False)
    brief = (home / "content/tallyho/crm-for-startups/brief.md").read_text()
    assert "Format: guide" in brief


async def test_what_is_rejected_is_not_proposed_again(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        first = await waiting(app, thread_id)
        await answered(app, thread_id, "reject", message="readers want a guide")
        second = await waiting(app, thread_id)
    assert second["task_type"] == "set_intent"
    assert second["action_hash"] != first["action_hash"]


async def test_a_decision_in_a_new_process_continues_where_the_old_one_stopped(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
    async with opened(database_url, home) as app:
        await answered(app, thread_id)
        fetched = [body for body in await events(app, thread_id, "tool_result") if body["action"] == "fetch_pages"]
        assert len(fetched) == 1
        assert (await waiting(app, thread_id))["task_type"] == "set_angle"


async def test_a_second_decision_is_told_who_won_and_a_second_runner_who_runs(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        number = (await waiting(app, thread_id))["number"]
        await threads.decide(app, number, "approve", DANA)
        with pytest.raises(AlreadyDecided, match="approve, by dana"):
            await threads.decide(app, number, "reject", threads.Person("sam"))
        runs = await asyncio.gather(*(threads.advance(app, thread_id) for _ in range(3)), return_exceptions=True)
        assert all(not isinstance(run, BaseException) or isinstance(run, ThreadBusy) for run in runs)
        commits = [body["action"] for body in await events(app, thread_id, "commit")]
    assert commits == ["set_intent"]


async def test_a_decision_during_the_release_is_taken_up_by_the_same_runner(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        await threads.decide(app, (await waiting(app, thread_id))["number"], "approve", DANA)
        release = ThreadStore.release

        async def decided_just_before(self: ThreadStore, lease: Lease) -> bool:
            monkeypatch.setattr(ThreadStore, "release", release)
            await threads.decide(app, (await waiting(app, thread_id))["number"], "approve", DANA)
            return await release(self, lease)

        monkeypatch.setattr(ThreadStore, "release", decided_just_before)
        assert (await threads.advance(app, thread_id))["status"] == "waiting"
        assert (await waiting(app, thread_id))["task_type"] == "set_outline"
        assert (await app.threads.holder(thread_id)).owner is None


async def test_advancing_what_waits_changes_nothing_and_what_ended_is_refused(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        before = await app.threads.timeline(thread_id)
        assert (await threads.advance(app, thread_id))["status"] == "waiting"
        assert await app.threads.timeline(thread_id) == before
        await app.threads.set_status(thread_id, "stopped")
        with pytest.raises(BadInput, match="is stopped; nothing is left to do"):
            await threads.advance(app, thread_id)


@pytest.mark.parametrize(
    ("wire", "arguments", "message"),
    [
        ("edit", None, "An edit needs its arguments"),
        ("edit", {"format": "limerick"}, "does not fit set_intent: format"),
        ("edit", {"colour": "red"}, "does not fit set_intent: colour"),
        ("approve", {"format": "guide"}, "--args goes with edit"),
        ("respond", None, "needs words|takes approve, edit, reject"),
    ],
)
async def test_a_decision_that_does_not_fit_changes_nothing(
    database_url: str, home: Path, wire: threads.WireAnswer, arguments: dict[str, str] | None, message: str
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        with pytest.raises(BadInput, match=message):
            await answered(app, thread_id, wire, arguments)
        assert (await waiting(app, thread_id))["state"] == "open"


async def test_what_the_system_binds_cannot_be_edited(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        for _ in range(3):
            await answered(app, thread_id)
        with pytest.raises(BadInput, match="slug is set by the system"):
            await answered(app, thread_id, "edit", {"slug": "../../etc/passwd"})


async def test_outside_local_each_write_is_reviewed_and_nobody_decides_on_their_own(
    database_url: str, home: Path
) -> None:
    async with opened(database_url, home, AUTONOMY_ENVIRONMENT="production") as app:
        thread_id = await started(app, requester="dana")
        with pytest.raises(BadInput, match="dana started this thread"):
            await answered(app, thread_id)
        review = await waiting(app, thread_id)
        assert "suggest-needs-person" in review["request"]["rules"]


async def test_past_decisions_lower_the_novelty_of_the_next_keyword(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        await answered(app, await started(app, "crm for startups"))
        second = await started(app, "best time tracking software")
        [score] = await events(app, second, "escalation")
    assert score["novelty"] < 1.0 and score["similar"] == 1
    assert score["historical_need"] < 0.5


async def test_a_tenant_never_sees_another_ones_past(database_url: str, home: Path, tmp_path: Path) -> None:
    from runtime import seo

    other = tmp_path / "other.yaml"
    other.write_text(seo.bundled_profile().read_text().replace("id: tallyho", "id: rival"))
    async with opened(database_url, home) as app:
        await answered(app, await started(app))
        rival = await started(app, profile=other)
        [score] = await events(app, rival, "escalation")
        assert (score["novelty"], score["similar"], score["historical_need"]) == (1.0, 0, 0.5)
        assert [row["thread_id"] for row in await app.reviews.inbox("rival", 10)] == [rival]
        mine = (await app.threads.find(rival))["task"]["profile"]["sha256"]
        with pytest.raises(Exception, match="not in the store of tallyho"):
            await app.artifacts.read("tallyho", [mine])


@pytest.mark.parametrize("decided", [False, True])
async def test_a_run_drained_before_its_first_step_leaves_all_to_the_next(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, decided: bool
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app) if decided else await queued(app)
        if decided:
            await threads.decide(app, (await waiting(app, thread_id))["number"], "approve", DANA)
        control, bind = RunControl(), Application.bind

        async def drained(self: Application, thread: Any, epoch: int) -> Any:
            control.request_drain()
            return await bind(self, thread, epoch)

        monkeypatch.setattr(Application, "bind", drained)
        assert (await threads.advance(app, thread_id, control=control))["status"] == "queued"
        monkeypatch.setattr(Application, "bind", bind)
        assert (await threads.advance(app, thread_id))["status"] == "waiting"
        assert (await waiting(app, thread_id))["task_type"] == ("set_angle" if decided else "set_intent")
        applied = await events(app, thread_id, "review_applied")
        assert len(applied) == decided
        assert first_break(await app.threads.timeline(thread_id)) is None


async def test_a_thread_that_is_reserved_is_begun_by_who_reserved_it(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await queued(app, reserved=True)
        assert (await app.threads.get(thread_id))["wake_at"] is not None
        assert await app.jobs.sweep(GRAPH_VERSION) == 0
        with pytest.raises(ThreadBusy):
            await threads.advance(app, thread_id, by_worker=True)
        thread = await threads.advance(app, thread_id)
        assert (thread["status"], thread["wake_at"]) == ("waiting", None)
        number = (await waiting(app, thread_id))["number"]
        await threads.decide(app, number, "approve", DANA, reserved=True)
        assert await app.jobs.sweep(GRAPH_VERSION) == 0
        assert (await threads.advance(app, thread_id))["wake_at"] is None
