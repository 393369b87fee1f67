"""Runs that act alone as far as it was earned. Verdicts in bulk are simulated; runs, coins and audits are real."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.errors import BadInput
from core.events import first_break
from core.people import Person
from evals.earning import audited, judged, ran_alone
from runtime import levels, threads, wiring
from runtime.replay.run import replay
from runtime.wiring import Application
from store.audits import AuditStore
from store.outcomes import OutcomeStore, RunOutcomes, Word
from store.roles import EVERY_TENANT, RoleStore
from store.standings import Place
from tests.integration.application import DANA, answered, events, opened, queued, started, waiting

CERTIFYING = 20 + 79


@pytest.fixture
def every_coin_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "RunOutcomes", partial(RunOutcomes, chance=lambda: 0.0))


async def place_of(app: Application, thread_id: str, task_type: str = "set_intent") -> Place:
    thread = await app.threads.get(thread_id)
    return Place(thread["tenant"], thread["environment"], task_type, thread["behaviour_versions"][task_type])


async def certified(app: Application, task_type: str = "set_intent") -> tuple[str, Place]:
    """A thread whose first decision a person took, and a simulated record that certifies its task type."""
    thread_id = await started(app)
    place = await place_of(app, thread_id, task_type)
    await judged(app.pool, thread_id, place, count=CERTIFYING)
    await answered(app, thread_id)
    return thread_id, place


async def outcomes_of(app: Application, thread_id: str) -> list[dict[str, Any]]:
    rows = await OutcomeStore(app.pool).newest(None, None, 1000)
    return [row for row in reversed(rows) if row["thread_id"] == thread_id and row["proposal_hash"] != "simulated"]


@pytest.mark.usefixtures("every_coin_falls")
async def test_a_task_type_earns_to_act_alone_is_audited_and_asks_again_after_an_alarm(
    database_url: str, home: Path
) -> None:
    async with opened(database_url, home) as app:
        _, place = await certified(app)
        alone = await started(app, "best time tracking software")
        assert (await waiting(app, alone))["task_type"] == "set_angle", "set_intent ran without being asked"
        [first, _] = await events(app, alone, "escalation")
        assert first["band"] == "proceed" and first["total"] <= first["threshold"] == 0.5
        assert first["coin"] == {"probability": 0.5, "chance": 0.0, "audited": True}
        assert "up to which this task acts alone" in first["reasons"][-1]
        [row] = await outcomes_of(app, alone)
        assert (row["task_type"], row["alone"], row["audited"], row["verdict"]) == ("set_intent", True, True, None)
        assert row["propensity"] == 0.5 and row["artifact"] in await app.artifacts.find("tallyho", [row["artifact"]])
        assert await ran_alone(app.pool, alone, place)
        assert await audited(app.pool, "wrong") == 2
        [level] = [level for level in await levels.levels(app) if level.place == place]
        assert level.held.threshold is None and level.held.era == 1
        again = await started(app, "kanban vs scrum")
        review = await waiting(app, again)
        assert review["task_type"] == "set_intent"
        assert "nothing is certified" in review["request"]["why"][-1]
        assert [body["change"] for body in await events(app, alone, "level_changed")] == ["revoked"]
        assert first_break(await app.threads.timeline(alone)) is None


async def test_an_alarm_between_reading_and_acting_is_seen(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_url, home) as app:
        thread_id, place = await certified(app)
        alone = RunOutcomes.alone

        async def after_an_alarm(self: RunOutcomes, site: Any, scored: Any) -> Any:
            monkeypatch.setattr(RunOutcomes, "alone", alone)
            while await ran_alone(app.pool, thread_id, place):
                await audited(app.pool, "wrong")
            return await alone(self, site, scored)

        monkeypatch.setattr(RunOutcomes, "alone", after_an_alarm)
        review = await waiting(app, await started(app, "kanban vs scrum"))
        assert review["task_type"] == "set_intent"
        assert any("was taken back while this was being decided" in line for line in review["request"]["why"])


async def test_a_task_newer_than_what_was_certified_asks_and_is_no_evidence(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        first = await started(app)
        place = await place_of(app, first)
        await judged(app.pool, first, place, count=CERTIFYING, novelty=0.2)
        await answered(app, first)
        review = await waiting(app, await started(app, "kanban vs scrum"))
        assert review["task_type"] == "set_intent"
        [held] = [level.held for level in await levels.levels(app) if level.place == place]
        assert held.farthest == 0.2 < review["request"]["score"]["novelty"]
        assert review["request"]["score"]["total"] <= 0.5
        assert "is newer than those that the certificate rests on" in review["request"]["why"][-1]
        assert review["request"]["earning"]["counts"] is False
        assert (await replay(app, await app.threads.get(review["thread_id"]))).difference is None


@pytest.mark.parametrize(
    ("wire", "given", "expected"),
    [
        ("approve", {}, ("right", None)),
        ("approve", {"verdict": "unclear"}, ("unclear", None)),
        ("reject", {}, ("wrong", None)),
        ("reject", {"verdict": "unclear", "reason": "other"}, ("unclear", "other")),
        ("edit", {}, ("unclear", None)),
        ("edit", {"verdict": "wrong", "reason": "wrong_intent"}, ("wrong", "wrong_intent")),
        ("edit", {"verdict": "right"}, ("right", None)),
    ],
)
async def test_a_verdict_is_on_the_proposal_before_the_edit(
    database_url: str, home: Path, wire: threads.WireAnswer, given: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        review = await waiting(app, thread_id)
        edit = {"format": "guide"} if wire == "edit" else None
        await threads.decide(app, review["number"], wire, DANA, arguments=edit, message="a list will not do", **given)
        [row] = await outcomes_of(app, thread_id)
        [decided] = await events(app, thread_id, "review_decided")
    assert (row["verdict"], row["reason_code"]) == expected == (decided["verdict"], decided["reason"])
    assert row["proposal_id"] == review["request"]["proposal_id"] and row["counted"] == 1
    assert (row["score"], row["propensity"], row["floor"]) == (review["request"]["score"]["total"], 1.0, 1.0)
    assert set(row["parts"]) == {"low_confidence", "novelty", "historical_need"} and row["why"]
    if wire == "edit":
        [change] = row["diff"]
        assert (change["path"], change["is"]) == ("/format", "guide")
        assert row["final_hash"] != row["proposal_hash"]


@pytest.mark.parametrize(
    ("wire", "given", "message"),
    [
        ("approve", {"reason": "fact"}, "has no reason against it"),
        ("respond", {"verdict": "right"}, "verdict goes with approve, edit or reject|takes approve, edit, reject"),
    ],
)
async def test_a_verdict_that_makes_no_sense_decides_nothing(
    database_url: str, home: Path, wire: threads.WireAnswer, given: dict[str, Any], message: str
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        number = (await waiting(app, thread_id))["number"]
        with pytest.raises(BadInput, match=message):
            await threads.decide(app, number, wire, DANA, message="well", **given)
        assert (await waiting(app, thread_id))["state"] == "open"


async def test_what_a_gate_keeps_from_running_alone_is_no_evidence(database_url: str, home: Path) -> None:
    async with opened(database_url, home, AUTONOMY_INTERRUPT_ON="set_intent") as app:
        thread_id, _ = await certified(app)
        other = await started(app, "kanban vs scrum")
        review = await waiting(app, other)
        assert review["task_type"] == "set_intent", "certified, and yet a fixed checkpoint"
        assert "asked at this step each time" in review["request"]["why"][-1]
        assert {row["counted"] for row in await outcomes_of(app, thread_id)} == {None}


async def test_a_stage_below_matrix_holds_only_when_an_admin_grants_it(database_url: str, home: Path) -> None:
    stages = '{"set_intent": "checkpoints"}'
    async with opened(database_url, home, AUTONOMY_STAGES=stages) as app:
        assert (await waiting(app, await started(app)))["task_type"] == "set_intent"
        await levels.grant(app, DANA, "tallyho", "set_intent", "execute", "checkpoints", "a trial week")
        granted = await started(app, "kanban vs scrum")
        assert (await waiting(app, granted))["task_type"] == "set_angle"
        [first, _] = await events(app, granted, "escalation")
        assert "which an admin has granted" in first["reasons"][-1] and first["coin"]["probability"] == 0.5
        [row, *_] = await outcomes_of(app, granted)
        assert row["alone"] and row["floor"] == row["propensity"] == 0.5


async def test_a_lowered_level_holds_for_every_version_until_it_is_raised(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        await levels.lower(app, DANA, "tallyho", "set_intent", "suggest", "a bad week")
        thread_id = await started(app)
        review = await waiting(app, thread_id)
        assert "suggest-needs-person" in review["request"]["rules"]
        place = await place_of(app, thread_id)
        with pytest.raises(BadInput, match="Say why"):
            await levels.lift(app, DANA, "tallyho", "set_intent", "execute", " ")
        await levels.lift(app, DANA, "tallyho", "set_intent", "execute", "it was the profile")
        [level] = [level for level in await levels.levels(app) if level.place == place]
        assert level.held.level == "execute"


async def test_outside_local_it_takes_an_admin_and_no_type_is_raised_beyond_what_it_earned(
    database_url: str, home: Path
) -> None:
    async with opened(database_url, home, AUTONOMY_ENVIRONMENT="staging") as app:
        for change in (levels.lower, levels.lift):
            with pytest.raises(BadInput, match="dana .* is no admin in staging"):
                await change(app, DANA, "tallyho", "set_intent", "observe", "because")
        dana = Person("dana", verified=True)
        await RoleStore(app.pool).set("dana", EVERY_TENANT, "admin", dana)
        await RoleStore(app.pool).set("lee", "tallyho", "publisher", dana)
        for other in (Person("lee", verified=True), Person("dana")):
            with pytest.raises(BadInput, match="is no admin in staging"):
                await levels.grant(app, other, "tallyho", "set_intent", "prefill", None, "because")
        with pytest.raises(BadInput, match="has earned suggest, not prefill"):
            await levels.lift(app, dana, "tallyho", "set_intent", "prefill", "because")
        with pytest.raises(BadInput, match="no task type that has a level"):
            await levels.lower(app, dana, "tallyho", "set_intnt", "observe", "because")


async def test_an_application_recomputes_what_it_stores_and_finds_a_change(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        _, place = await certified(app)
        assert await levels.recompute(app) == (CERTIFYING + 1, [])
        async with app.pool.connection() as connection:
            await connection.execute("update outcome set verdict = 'wrong' where counted = 50")
        _, [difference] = await levels.recompute(app)
        assert difference.place == place


async def test_an_audit_shows_what_was_proposed_and_not_how_it_scored(database_url: str, home: Path) -> None:
    from runtime import audits

    async with opened(database_url, home, AUTONOMY_ENVIRONMENT="local") as app:
        thread_id, place = await certified(app)
        await ran_alone(app.pool, thread_id, place)
        [open_one] = await AuditStore(app.pool).waiting("tallyho", 9)
        assert set(open_one) & {"score", "planted", "verdict"} == set()
        _, proposal = await audits.proposal_of(app, open_one["number"])
        assert proposal is None, "simulated, so nothing was kept"
        with pytest.raises(BadInput, match="has no reason against it"):
            await audits.judge(app, open_one["number"], Word("right", "fact"), DANA)
        await RoleStore(app.pool).set("lee", EVERY_TENANT, "admin", Person("lee"))
        for nobody in (Person("dana", verified=True), Person("lee")):
            with pytest.raises(BadInput, match="only a reviewer judges an audit"):
                await audits.judge(app, open_one["number"], Word("right"), nobody)
        await audits.judge(app, open_one["number"], Word("right"), Person("lee", verified=True))


async def test_a_run_killed_after_the_coin_meets_the_same_coin(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_url, home) as app:
        await certified(app)
        thread_id = await queued(app, "kanban vs scrum")
        alone = RunOutcomes.alone

        async def killed(self: RunOutcomes, site: Any, scored: Any) -> Any:
            await alone(self, site, scored)
            raise psycopg.OperationalError("cut off")

        monkeypatch.setattr(RunOutcomes, "alone", killed)
        with pytest.raises(psycopg.OperationalError):
            await threads.advance(app, thread_id)
        [drawn] = await outcomes_of(app, thread_id)
        monkeypatch.setattr(RunOutcomes, "alone", alone)
        await threads.advance(app, thread_id)
        [first, _] = await events(app, thread_id, "escalation")
        [kept] = await outcomes_of(app, thread_id)
        assert first["proposal"] == kept["proposal_id"] == drawn["proposal_id"]
        assert first["coin"]["audited"] == kept["audited"] == drawn["audited"]


async def test_a_thread_that_may_only_read_waits_for_a_person_and_goes_on_once_it_is_let(
    database_url: str, home: Path
) -> None:
    async with opened(database_url, home) as app:
        await levels.lower(app, DANA, "tallyho", "set_intent", "observe", "a bad week")
        thread_id = await started(app)
        review = await waiting(app, thread_id)
        assert review["kind"] == "blocker" and "A person has lowered it to observe" in review["request"]["why"][0]
        await levels.lift(app, DANA, "tallyho", "set_intent", "execute", "over")
        await answered(app, thread_id, "respond", message="hand_back")
        assert (await waiting(app, thread_id))["task_type"] == "set_intent"
