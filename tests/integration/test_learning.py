"""What outcomes teach of scoring is switched on, recorded, and begins with no evidence. Verdicts are simulated."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.types.json import Json

from cli import learning as commands
from core.actions import Proposal, SelfReport
from core.canonical import canonical_json
from core.errors import BadInput
from core.vocabulary import Verdict
from escalation.certificate import Certificate, Outcome, fresh, update
from escalation.learning import NEEDED
from escalation.scoring import base_of, is_learned
from evals.earning import judged
from runtime import learning, levels
from runtime.replay.record import read
from runtime.replay.run import replay
from runtime.replay.versions import changes as changes_since
from runtime.wiring import Application
from runtime.worker import work
from store.scorings import ScoringStore
from store.standings import Place, StandingStore
from tests.integration.application import DANA, events, opened, settings, started, waiting
from tests.integration.test_earned_autonomy import place_of

_TEN: Final[tuple[tuple[Verdict, int, float, float], ...]] = (
    ("wrong", 2, 0.5, 0.35), ("wrong", 1, 0.5, 0.48), ("right", 4, 0.3, 0.35), ("right", 3, 0.3, 0.48),
)  # fmt: skip
"""Verdict, how many, novelty, score: of ten. Only novelty tells which are wrong."""


_SET: Final = "update standing set granted = %(granted)s, certificate = %(certificate)s"


async def stated(app: Application, confidence: float) -> str:
    """A kept proposal that states so much of itself; its SHA-256."""
    proposal = Proposal(id="p", action="set_intent", arguments={}, report=SelfReport(confidence=confidence))
    return (
        await app.artifacts.put("tallyho", canonical_json(proposal.to_json()), "application/json", "test", "model")
    ).sha256


async def taught(app: Application) -> tuple[str, Place]:
    """A thread, and a record of a task type that boasts: .95 stated, three in ten wrong, and those are the new ones."""
    thread_id = await started(app)
    place, kept = await place_of(app, thread_id), await stated(app, 0.95)
    for _ in range(0, NEEDED, 10):
        for verdict, count, novelty, score in _TEN:
            await judged(app.pool, thread_id, place, verdict, count, kept, novelty=novelty, score=score)
    return thread_id, place


def after(*verdicts: str) -> Certificate:
    certificate = fresh("normal")
    for verdict in verdicts:
        certificate = update(certificate, Outcome(0.04, verdict))
    return certificate


async def worked(app: Application, until: str) -> None:
    """Let a worker run until it reports that."""
    stopped = asyncio.Event()

    def report(_: str, said: str) -> None:
        if until in said:
            stopped.set()

    await asyncio.wait_for(work(app, concurrency=1, stopped=stopped, report=report), 30)


async def test_a_boaster_is_recalibrated_once_and_by_an_admin_weighed_and_each_begins_anew(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "read_settings", lambda: settings(database_url, home))

    async def learn(act: commands.Act, reason: str = "", *, as_json: bool = False) -> str:
        capsys.readouterr()
        assert await commands.learn("set_intent", "tallyho", act, reason, "dana", as_json) == 0
        return " ".join(capsys.readouterr().out.split())

    async with opened(database_url, home) as app:
        assert "Nothing is learned yet; it takes 250 more" in await learn("look")
        with pytest.raises(BadInput, match="Nothing is learned of set_intent yet"):
            await learn("activate", "why not")
        _, place = await taught(app)
        quality = {
            row["behaviour_version"]: row["quality"] for row in await StandingStore(app.pool).listed(None, None, 9)
        }

        [recalibrated] = await learning.recalibrate(app)
        assert is_learned(recalibrated.behaviour_version) and base_of(recalibrated.behaviour_version) == place[3]
        assert await learning.recalibrate(app) == [], "once a behaviour version"
        [level] = [each for each in await levels.levels(app) if each.current]
        assert level.place == recalibrated and level.evidence.startswith("nothing certified; 0 clean")
        assert level.quality == quality[place[3]], "control quality goes along"

        second = await started(app, "kanban vs scrum")
        thread = await app.threads.get(second)
        assert thread["behaviour_versions"]["set_intent"] == recalibrated.behaviour_version
        [said] = [body["scoring"] for body in await events(app, second, "escalation")]
        assert said["labels"] == NEEDED and said["weights"] is None
        [[start, rate, labels]] = said["steps"]
        assert (start, labels, rate) == (0.95, NEEDED, pytest.approx(0.7))
        assert said["counts_as"] == min(said["stated"], rate)
        assert f"so it counts as {said['counts_as']:.2f}" in " ".join((await waiting(app, second))["request"]["why"])
        assert (await replay(app, thread)).difference is None
        assert changes_since(app, await read(app, thread)) == [], "the same release, whatever was learned"

        text = await learn("look")
        assert "250 labelled outcomes, 75 of them wrong" in text and "whose evidence begins anew" in text
        assert "stated 0.95 or more counts as 0.70 (250 outcomes)" in text
        found = json.loads(await learn("look", as_json=True))
        assert found["auroc"]["learned"] > found["auroc"]["usual"] and found["weights"]["novelty"] > 1 / 3
        with pytest.raises(BadInput, match="Say why"):
            await learn("activate")
        assert "Threads under way go on" in await learn("activate", "it has seen enough")
        with pytest.raises(BadInput, match="scored by that already"):
            await learn("activate", "again")
        third = await started(app, "what is churn rate")
        request = (await waiting(app, third))["request"]
        assert request["weights"] == found["weights"]
        total = sum(share * request["score"][name] for name, share in found["weights"].items())
        assert request["score"]["total"] == pytest.approx(total, abs=2e-4)
        assert (await replay(app, await app.threads.get(third))).difference is None

        await learn("back", "it was no better")
        assert (await place_of(app, await started(app, "invoice template"))) == place
        with pytest.raises(BadInput, match="nothing to put back"):
            await learn("back", "again")
        changes = await StandingStore(app.pool).changes("tallyho", "set_intent", 9)
        rescored = [(row["actor"], row["reason"]) for row in changes if row["change"] == "rescored"]
        assert [who for who, _ in rescored] == ["dana", "dana", "runtime"]
        assert "self-report recalibrated (off by 0.2" in rescored[2][1]
        _, differing = await levels.recompute(app)
        assert differing == []


async def test_a_scoring_that_is_gone_is_none_that_lets_anything_through(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        _, place = await taught(app)
        [row] = await StandingStore(app.pool).listed(None, None, 0)
        well_on = Json(after(*["right"] * 30).to_json())
        for kept, why in (
            ({"granted": "execute"}, "a grant would end"),
            ({"certificate": well_on}, "evidence would be lost"),
        ):
            given = {"granted": None, "certificate": Json(row["certificate"]), **kept}
            async with app.pool.connection() as connection:
                await connection.execute(_SET, given)
            assert await learning.recalibrate(app) == [], why
        async with app.pool.connection() as connection:
            await connection.execute(_SET, {"granted": None, "certificate": Json(row["certificate"])})
        await worked(app, until="set_intent of tallyho states of itself is recalibrated")
        [version] = (await ScoringStore(app.pool).active("tallyho")).values()
        versions = {"set_intent": version, "set_angle": "b2"}
        store = ScoringStore(app.pool)
        assert (await store.of_versions("tallyho", place.environment, versions))["set_intent"].broken == ""
        assert (await store.of_versions("rival", place.environment, versions))["set_intent"].broken
        second = await started(app, "kanban vs scrum")
        thread = await app.threads.get(second)
        async with app.pool.connection() as connection:
            with pytest.raises(psycopg.errors.RaiseException):
                await connection.execute("update scoring set learned = '{}'")
        async with app.pool.connection() as connection:
            await connection.execute("delete from scoring")
        bound = await app.bind(thread, 0)
        assert set(bound.scorings) == {"set_intent"} and bound.scorings["set_intent"].broken


async def test_outside_local_it_takes_an_admin(database_url: str, home: Path) -> None:
    async with opened(database_url, home, AUTONOMY_ENVIRONMENT="staging") as app:
        found = await learning.look(app, "tallyho", "set_intent")
        with pytest.raises(BadInput, match="is no admin in staging"):
            await learning.activate(app, DANA, found, "because")
        with pytest.raises(BadInput, match="is no admin in staging"):
            await learning.put_back(app, DANA, "tallyho", "set_intent", "because")
        with pytest.raises(BadInput, match="no task type that has a level"):
            await learning.look(app, "tallyho", "set_intnt")


def test_nothing_is_recalibrated_by_itself_where_evidence_would_be_lost() -> None:
    assert not learning.nothing_to_lose(after(*["right"] * 10)), "where to begin is not known yet"
    assert not learning.nothing_to_lose(after(*["right"] * 30))
    assert not learning.nothing_to_lose(after(*["right"] * 99))
    assert learning.nothing_to_lose(after(*["right", "wrong"] * 20))
