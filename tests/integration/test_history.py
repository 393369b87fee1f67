"""Looking back at a thread: its checkpoints, its state at each, and why it did what it did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import history as command
from cli import why as page
from core.errors import BadInput, NotFound
from runtime.states import state_at, why
from store.history import HistoryStore
from tests.integration.application import answered, opened, queued, started


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, database_url: str, home: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("AUTONOMY_HOME", str(home))
    monkeypatch.setenv("AUTONOMY_DDGS", "off")
    monkeypatch.setenv("COLUMNS", "200")


async def test_history_says_what_ran_what_it_changed_and_what_waits(
    database_url: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        moments = await HistoryStore(app.pool).moments(thread_id)
        assert [moment.step for moment in moments] == list(range(-1, 10))
        assert moments[1].waits == ("planner",)
        assert moments[2].nodes == ("planner",) and "proposal" in moments[2].changed
        assert moments[4].nodes == ("tool_execution",) and "results" in moments[4].changed
        assert moments[-1].waits == ("human_review",) and moments[-1].reviews == ("r-1 open",)
        state = await state_at(app, thread_id, moments[4].checkpoint_id)
        assert set(state["results"]) == {"serp"} and state["proposal"] is None
        assert (await HistoryStore(app.pool).at(thread_id, moments[4].checkpoint_id)).step == 3
        other = await queued(app, "payroll software pricing")
        with pytest.raises(NotFound, match=f"is no checkpoint of thread {other}"):
            await HistoryStore(app.pool).at(other, moments[4].checkpoint_id)
        with pytest.raises(NotFound):
            await HistoryStore(app.pool).at(thread_id, "99")
        with pytest.raises(BadInput, match="More than one"):
            await HistoryStore(app.pool).at(thread_id, moments[4].checkpoint_id[:5])
    assert await command.history(thread_id, json=False) == 0
    assert "r-1 open" in capsys.readouterr().out
    assert await command.state(thread_id, "3", json=True) == 0
    assert json.loads(capsys.readouterr().out)["state"]["results"].keys() == {"serp"}


async def test_one_page_says_why_with_evidence_rule_score_person_and_effect(
    database_url: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        await answered(app, thread_id, "edit", {"reader": "Founders of small companies"}, "narrower")
        events = await app.threads.timeline(thread_id)
        [step] = [stored.seq for stored in events if stored.kind == "review_decided"]
        thread = await app.threads.get(thread_id)
        found = await why(app, thread, step)
        assert found.turn.proposal.action == "set_intent"
        assert found.turn.edited is not None and found.turn.edited.arguments["reader"] == "Founders of small companies"
        assert {item["trust"] for item in found.evidence} >= {"untrusted"}
        alone = await why(app, thread, 4)  # a step that nobody was asked about
        assert alone.turn.proposal.action == "search_serp" and alone.turn.reviews == ()
        with pytest.raises(BadInput, match="nothing was proposed yet. The first proposal is #4"):
            await why(app, thread, 2)
        with pytest.raises(BadInput, match="There is no #999"):
            await why(app, thread, 999)
    assert await page.why(thread_id, step, json=False) == 0
    said = capsys.readouterr().out
    for part in ("○", "Policy: allow", "mean of low confidence", "edit, by dana (name not verified)", "narrower",
                 "Founders of small companies", "intent, revision 1", "policy explain"):  # fmt: skip
        assert part in said
    assert await page.why(thread_id, 4, json=True) == 0
    assert json.loads(capsys.readouterr().out)["proposal"]["action"] == "search_serp"
