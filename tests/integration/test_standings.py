"""Autonomy earned and lost in Postgres, with simulated verdicts."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import psycopg
import pytest

from core.controls import Coin
from core.errors import AlreadyDecided, NotFound
from core.events import first_break
from core.ports import CallSite, Scored
from escalation.standing import Labelled, recomputed, stored
from evals.earning import audited, judged, ran_alone, scored
from runtime.earned import EarnedAuthorities
from store.audits import AuditStore
from store.database import Pool
from store.outcomes import OutcomeStore, RunOutcomes, Word
from store.standings import Place, StandingStore
from store.threads import ThreadStore
from tests.integration.threads import new_thread

PLACE = Place("acme", "production", "write", "b1")
CERTIFYING = 20 + 79
"""Outcomes that choose where to begin, and the clean ones that a limit of 5 % takes."""
SITE = CallSite("acme", "t1", "task")


async def rows(pool: Pool, sql: str) -> list[dict[str, Any]]:
    async with pool.connection() as connection:
        return await (await connection.execute(sql.encode())).fetchall()


def authorities(pool: Pool, **changes: Any) -> EarnedAuthorities:
    return EarnedAuthorities(pool, changes.pop("environment", "production"), {"write": "b1"}, **changes)


async def certified(pool: Pool, place: Place = PLACE) -> None:
    await new_thread(pool)
    await judged(pool, "t1", place, count=CERTIFYING)


async def test_right_verdicts_earn_a_threshold_and_a_level_and_everybody_is_told(pool: Pool) -> None:
    await new_thread(pool)
    await judged(pool, "t1", PLACE, count=CERTIFYING - 1)
    before = (await authorities(pool).in_force(SITE, {"write"})).of("write")
    assert (before.level, before.threshold, before.certified) == ("suggest", None, False)
    await judged(pool, "t1", PLACE)
    held = (await authorities(pool).in_force(SITE, {"write"})).of("write")
    assert (held.level, held.threshold, held.certified, held.audits) == ("prefill", 0.5, True, 0.5)
    [change] = await rows(pool, "select * from level_change")
    assert (change["change"], change["old_level"], change["new_level"]) == ("certified", "suggest", "prefill")
    timeline = await ThreadStore(pool).timeline("t1")
    assert [stored.body["new_threshold"] for stored in timeline if stored.kind == "level_changed"] == [0.5]
    assert first_break(timeline) is None


async def test_what_one_environment_tenant_or_version_earned_counts_for_no_other(pool: Pool) -> None:
    await certified(pool)
    others = [
        (authorities(pool, environment="staging"), SITE),
        (authorities(pool), CallSite("rival", "t1", "task")),
        (EarnedAuthorities(pool, "production", {"write": "b2"}), SITE),
    ]
    for read, site in others:
        held = (await read.in_force(site, {"write"})).of("write")
        assert (held.level, held.threshold) == ("suggest", None)


async def test_two_wrong_audits_at_the_beginning_take_it_back_at_once_and_evidence_begins_anew(pool: Pool) -> None:
    await certified(pool)
    for _ in range(2):
        assert await ran_alone(pool, "t1", PLACE)
    assert await audited(pool, "wrong") == 2
    held = (await authorities(pool).in_force(SITE, {"write"})).of("write")
    assert (held.threshold, held.certified, held.era) == (None, False, 1)
    assert not await ran_alone(pool, "t1", PLACE), "decided on what was read before the alarm"
    revoked = [row for row in await rows(pool, "select * from level_change") if row["change"] == "revoked"]
    assert "2 of 2 audits since the certificate were wrong" in revoked[0]["reason"]
    kinds = [(stored.kind, stored.body.get("change")) for stored in await ThreadStore(pool).timeline("t1")]
    assert ("level_changed", "revoked") in kinds and kinds.count(("audit_judged", None)) == 2
    await judged(pool, "t1", PLACE, count=5, era=0)
    assert (await StandingStore(pool).listed(None, None, 9))[0]["certificate"]["opening"] == [0] * 11


async def test_the_same_log_gives_the_same_standing_to_the_bit(pool: Pool) -> None:
    await new_thread(pool)
    chance = random.Random(3)
    for _ in range(60):
        verdict = "wrong" if chance.random() < 0.1 else "right"
        await judged(pool, "t1", PLACE, verdict, score=chance.random(), floor=chance.choice([1.0, 0.5, 0.1]))
    [row] = await StandingStore(pool).listed(None, None, 9)
    log = [Labelled(*(entry[name] for name in Labelled._fields)) async for entry in OutcomeStore(pool).log()]
    assert len(log) == row["counted"] == 60
    assert recomputed("normal", log) == stored(row)


async def test_the_course_of_control_quality_ends_where_it_is_stored_to_stand(pool: Pool) -> None:
    await certified(pool)
    for verdict in ("wrong", "right"):
        await judged(pool, "t1", PLACE, verdict)
    await ran_alone(pool, "t1", PLACE)
    assert await audited(pool, "wrong") == 1
    for _ in range(3):
        await ran_alone(pool, "t1", PLACE)
    [row] = await StandingStore(pool).listed(None, None, 9)
    points = await StandingStore(pool).moments(PLACE)
    assert points[-1].signals == row["signals"]
    assert len(points) == 40 and points[0].signals["agreement"] > points[-1].signals["agreement"]


async def test_decisions_at_the_same_time_are_all_counted(pool: Pool) -> None:
    for number in range(4):
        await new_thread(pool, f"t{number}")
    await asyncio.gather(*(judged(pool, f"t{number}", PLACE, count=10) for number in range(4)))
    [row] = await StandingStore(pool).listed(None, None, 9)
    counted = await rows(pool, "select counted from outcome order by counted")
    assert row["counted"] == 40 and [each["counted"] for each in counted] == list(range(1, 41))


async def test_the_coin_of_a_proposal_falls_once(pool: Pool) -> None:
    await certified(pool)
    about = Scored("write", "p1", "h", "", scored(), 0, "normal")
    first = RunOutcomes(pool, "production", {"write": "b1"}, lambda: 0.3)
    again = RunOutcomes(pool, "production", {"write": "b1"}, lambda: 0.9)
    assert await first.alone(SITE, about) == await again.alone(SITE, about) == Coin(0.5, 0.3, True)
    assert len(await rows(pool, "select from audit")) == 1
    [row] = await rows(pool, "select alone, since_raise from standing")
    assert row == {"alone": 1, "since_raise": 1}


async def test_nothing_runs_alone_above_the_threshold_or_without_one(pool: Pool) -> None:
    await certified(pool)
    outcomes = RunOutcomes(pool, "production", {"write": "b1"})
    assert await outcomes.alone(SITE, Scored("write", "p1", "h", "", scored(0.51), 0, "normal")) is None
    assert await outcomes.alone(SITE, Scored("read", "p2", "h", "", scored(0.01), 0, "normal")) is None
    assert await rows(pool, "select from outcome where alone") == []


async def test_audits_grow_rarer_after_a_raise_and_their_estimate_has_an_interval(pool: Pool) -> None:
    await certified(pool)
    async with pool.connection() as connection:
        await connection.execute("update standing set since_raise = 200")
    held = (await authorities(pool).in_force(SITE, {"write"})).of("write")
    assert held.audits == 0.1
    for chance in (0.05, 0.5, 0.99):
        await ran_alone(pool, "t1", PLACE, chance)
    assert await audited(pool, "right") == 1
    audits = await StandingStore(pool).audited(PLACE)
    assert [(audit.verdict, audit.propensity) for audit in audits] == [("right", 0.1)]


async def test_an_audit_is_answered_once_and_a_second_answer_is_told_who_was_first(pool: Pool) -> None:
    await certified(pool)
    await ran_alone(pool, "t1", PLACE)
    store = AuditStore(pool)
    [waiting] = await store.waiting("acme", 9)
    assert await store.waiting("rival", 9) == []
    answers = [store.judge(waiting["number"], Word("right"), name, False) for name in ("dana", "sam")]
    results = await asyncio.gather(*answers, return_exceptions=True)
    [refused] = [result for result in results if result is not None]
    assert isinstance(refused, AlreadyDecided) and "already answered: right, by" in str(refused)
    [row] = await rows(pool, "select counted from standing")
    assert row["counted"] == CERTIFYING + 1
    with pytest.raises(NotFound, match="no audit 404"):
        await store.judge(404, Word("right"), "dana", False)


async def test_audits_that_nobody_answers_become_unclear(pool: Pool) -> None:
    await certified(pool)
    await ran_alone(pool, "t1", PLACE)
    store = AuditStore(pool)
    assert await store.give_up(None, 14) == []
    assert len(await store.give_up(None, 0)) == 1
    [row] = await rows(pool, "select verdict, judged_by from outcome where alone")
    assert row == {"verdict": "unclear", "judged_by": "nobody"}


async def test_planted_errors_measure_the_reviewers_and_never_the_agent(pool: Pool) -> None:
    await certified(pool)
    async with pool.connection() as connection:
        await connection.execute("update outcome set verdict = 'wrong', artifact = 'a' where id in (1, 2)")
    store = AuditStore(pool)
    assert await store.plant("acme", "write", 5) == 2
    assert await store.plant("acme", "write", 5) == 0
    waiting = await store.waiting("acme", 9)
    assert "planted" not in waiting[0]
    await store.judge(waiting[0]["number"], Word("right"), "dana", False)
    await store.judge(waiting[1]["number"], Word("wrong"), "dana", False)
    missed = await StandingStore(pool).missed("acme", "write")
    assert (missed.planted, missed.missed) == (2, 1)
    [row] = await rows(pool, "select counted from standing")
    assert row["counted"] == CERTIFYING


async def test_disagreement_restricts_a_task_type_and_more_audits_follow_it(pool: Pool) -> None:
    await certified(pool)
    await judged(pool, "t1", PLACE, "wrong")
    [row] = await StandingStore(pool).listed(None, None, 9)
    assert row["quality"]["band"] == "normal"
    await judged(pool, "t1", PLACE, "wrong", count=6)
    held = (await authorities(pool).in_force(SITE, {"write"})).of("write")
    assert held.audits == 1.0 and held.level == "prefill"
    changes = await rows(pool, "select * from level_change where change = 'restricted'")
    assert [change["reason"].partition(":")[0] for change in changes] == [
        "Control quality went from normal to elevated",
        "Control quality went from elevated to restricted",
    ]


async def test_a_thread_that_has_spent_what_cannot_be_undone_leaves_less_control(pool: Pool) -> None:
    await new_thread(pool)
    await judged(pool, "t1", PLACE, count=5)
    before = (await StandingStore(pool).listed(None, None, 9))[0]["signals"]["irreversibility"]
    async with pool.connection() as connection:
        await connection.execute(
            b'insert into spend (scope, unit, "window", "limit", used)'
            b" values ('thread t1', 'irreversible', 'ever', 4, 3)"
        )
    await judged(pool, "t1", PLACE)
    after = (await StandingStore(pool).listed(None, None, 9))[0]["signals"]["irreversibility"]
    assert (before, after) == (1.0, 0.25)


@pytest.mark.parametrize(
    "damage",
    [
        'quality = \'{"band": "splendid"}\'',
        "quality = '{\"hue\": 1}'",
        "quality = '[]'",
        "signals = '3', quality = 'null'",
        "threshold = 1.7",
        "threshold = 'NaN'",
        "threshold = -1",
    ],
)
async def test_a_strange_row_never_means_more_authority(pool: Pool, damage: str) -> None:
    await certified(pool)
    async with pool.connection() as connection:
        await connection.execute(f"update standing set {damage}".encode())
    held = (await authorities(pool).in_force(SITE, {"write"})).of("write")
    assert held.level in ("observe", "suggest") and held.threshold is None


async def test_a_database_that_does_not_answer_leaves_reading_only(pool: Pool) -> None:
    class Away:
        def connection(self) -> Any:
            raise psycopg.OperationalError("gone")

    held = (await EarnedAuthorities(Away(), "local", {}).in_force(SITE, {"write"})).of("write")  # type: ignore[arg-type]
    assert held.level == "observe" and "cannot be read" in held.reasons[0]


async def test_a_clock_that_jumps_back_changes_nothing(pool: Pool) -> None:
    await certified(pool)
    async with pool.connection() as connection:
        await connection.execute("update outcome set at = at + interval '3 years' where id < 50")
        await connection.execute("update standing set since_raise = -5")
    held = (await authorities(pool).in_force(SITE, {"write"})).of("write")
    assert held.audits == 0.5
    [row] = await StandingStore(pool).listed(None, None, 9)
    log = [Labelled(*(entry[name] for name in Labelled._fields)) async for entry in OutcomeStore(pool).log()]
    assert recomputed("normal", log) == stored(row)


async def test_changes_of_levels_cannot_be_rewritten(pool: Pool) -> None:
    await certified(pool)
    async with pool.connection() as connection:
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            await connection.execute("update level_change set reason = 'nothing happened'")
