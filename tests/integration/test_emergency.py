"""Stopping everything, and lockdown over whole threads and several applications."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.domain import Refusal, Scope
from core.errors import BadInput, StaleDecision, ToolError
from core.events import first_break
from core.operations import Claim, OperationRequest
from core.people import Person
from core.retries import POSTPONEMENTS
from core.reviews import WireAnswer
from runtime import emergency, threads
from runtime.limits import of_agents, of_thread
from runtime.replay.run import replay
from runtime.timeline import in_words
from runtime.wiring import Application
from runtime.worker import work
from store.database import Pool
from store.ledger import PostgresLedger
from store.roles import RoleStore
from store.threads import ThreadStore
from tests.integration.application import DANA, answered, events, opened, queued, started, waiting
from tests.integration.shop import Till, begun, shop
from tests.integration.test_leases import becomes_true, hanging
from tests.integration.test_ledger import REQUEST
from tests.integration.threads import asked as new_review
from tests.integration.threads import leased, new_thread

ADMIN = Person("root", verified=True)
ABOVE_THE_LIMIT = 20_000
"""What a call costs that goes to a person for its cost alone."""


def quiet(*_: Any) -> None:
    """Nobody is told."""


async def statuses(pool: Pool) -> dict[str, str]:
    async with pool.connection() as connection:
        rows = await (await connection.execute("select id, status from thread")).fetchall()
    return {row["id"]: row["status"] for row in rows}


async def test_all_threads_of_a_domain_end_whatever_they_wait_for(pool: Pool) -> None:
    store = ThreadStore(pool)
    words = ["queued", "waiting", "failed", "taken_over", "done", "stopped", "running"]
    for word in words:
        await new_thread(pool, word)
        async with pool.connection() as connection:
            await connection.execute("update thread set status = %s where id = %s", [word, word])
    await new_thread(pool, "other", domain="other")
    number = await new_review(pool, "waiting")
    async with pool.connection() as connection:
        await connection.execute(
            "update thread set wake_at = now() + interval '1 hour' where id = 'failed'"
        )  # postponed
    ended = [count async for count in store.request_stops("test", "dana", "fire")]
    assert sum(ended) == 5
    assert await statuses(pool) == {word: "done" if word == "done" else "stopped" for word in words} | {
        "other": "queued"
    }
    thread = await store.get("waiting")
    assert thread["ending"] == {"status": "stopped", "reason": "stopped by dana: fire"} and thread["wake_at"] is None
    timeline = await store.timeline("waiting")
    assert first_break(timeline) is None
    assert [(each.kind, each.actor) for each in timeline][-2:] == [
        ("stop_requested", "dana"),
        ("thread_finished", "dana"),
    ]
    async with pool.connection() as connection:
        row = await (await connection.execute("select state from review where number = %s", [number])).fetchone()
    assert row == {"state": "withdrawn"}


async def test_more_threads_than_one_chunk_end(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.stopping.MARKED", 4)
    monkeypatch.setattr("store.stopping.ENDED_AT_ONCE", 3)
    for number in range(10):
        await new_thread(pool, f"t{number}")
    assert sum([count async for count in ThreadStore(pool).request_stops(None, "dana", "")]) == 10
    assert set((await statuses(pool)).values()) == {"stopped"}


async def test_two_workers_stop_their_threads_before_the_next_step_and_begin_nothing(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two applications, each with a worker and a thread in the middle of a step; more threads wait in the queue."""
    async with opened(database_url, home / "a") as one, opened(database_url, home / "b") as other:
        ids = [await queued(one, keyword) for keyword in ("crm for startups", "kanban vs scrum", "invoice template")]
        waits = await started(one, "what is churn rate")
        asked, go = await hanging(one, monkeypatch)
        over = asyncio.Event()
        workers = [asyncio.create_task(work(app, concurrency=1, stopped=over, report=quiet)) for app in (one, other)]
        for _ in workers:
            await asked.acquire()
        assert one.keeper._held and other.keeper._held
        counts = await emergency.stop(one, None, DANA, "fire", quiet)
        assert counts == (2, 2)  # one that was queued, one that waited; two run to the end of their step
        for app in (one, other):
            await becomes_true(lambda app=app: all(each.told for each in app.keeper._held.values()))
        go.set()
        await becomes_true(lambda: not (one.keeper._held or other.keeper._held))
        over.set()
        await asyncio.gather(*workers)
        for thread_id in (*ids, waits):
            timeline = await one.threads.timeline(thread_id)
            assert timeline[-1].body["reason"] == "stopped by dana: fire" and first_break(timeline) is None
            assert [each.kind for each in timeline].count("thread_finished") == 1


async def test_a_thread_that_is_asked_to_stop_claims_nothing_more(pool: Pool) -> None:
    await new_thread(pool)
    lease = await leased(pool)
    assert await ThreadStore(pool).request_stop("t1", "dana", "") == "running"
    with pytest.raises(ToolError, match="dana has asked the thread to stop") as refused:
        await PostgresLedger(pool, lease.epoch).claim(REQUEST)
    assert (refused.value.failure_class, refused.value.never_sent) == ("busy", True)


async def test_a_domain_that_is_not_there_is_named(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        for refused in (
            emergency.stop(app, "seoo", DANA, "", quiet), emergency.lock_down(app, "seoo", None, DANA, ""),
        ):  # fmt: skip
            with pytest.raises(BadInput, match="There is no domain seoo; installed: refunds, seo"):
                await refused


@pytest.mark.parametrize(("on", "covers"), [("shop", "domain shop"), ("acme/shop", "agent acme/shop")])
async def test_under_lockdown_a_thread_waits_and_goes_on_when_it_is_lifted(
    database_url: str, home: Path, on: str, covers: str
) -> None:
    till = Till()
    async with shop(database_url, home, till) as app:
        thread_id = await begun(app)
        await emergency.lock_down(app, on, None, ADMIN, "drill")
        thread = await threads.advance(app, thread_id)
        review = await waiting(app, thread_id)
        assert (thread["status"], review["kind"], till.sent) == ("waiting", "blocker", [])
        assert f"Lockdown is on for {covers}, by root" in review["request"]["why"][0]
        assert await emergency.lift(app, on, None, ADMIN, "over") == 1
        thread = await threads.advance(app, thread_id)
        assert (thread["status"], len(till.sent)) == ("done", 1)
        decided = [each for each in await app.threads.timeline(thread_id) if each.kind == "review_decided"]
        assert [(each.actor, each.body["answer"]) for each in decided] == [("root", "hand_back")]


async def test_lockdown_holds_over_what_was_approved_before_it(database_url: str, home: Path) -> None:
    till = Till()
    async with shop(database_url, home, till, cost=ABOVE_THE_LIMIT) as app:
        thread_id = await begun(app)
        await threads.advance(app, thread_id)
        await threads.decide(app, (await waiting(app, thread_id))["number"], "approve", DANA)
        await emergency.lock_down(app, None, "local", ADMIN, "drill")
        await threads.advance(app, thread_id)
        [_, denied] = await events(app, thread_id, "policy_check")
        assert (denied["outcome"], denied["rules"]) == ("deny", ["lockdown-only-reads"])
        assert till.sent == [] and (await waiting(app, thread_id))["request"]["lockdown"] is True
        await emergency.lift(app, None, "local", ADMIN, "")
        thread = await threads.advance(app, thread_id)
        assert (thread["status"], len(till.sent)) == ("done", 1)  # the approval of this very call still counts
        assert len(await events(app, thread_id, "decision")) == 1  # and nothing was proposed in its place
        assert (await replay(app, await app.threads.get(thread_id))).difference is None


async def test_an_approval_that_lockdown_meets_at_the_last_moment_counts_once_it_is_lifted(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop(database_url, home, till := Till(), cost=ABOVE_THE_LIMIT) as app:
        thread_id = await begun(app)
        await threads.advance(app, thread_id)
        _before_the_claim(monkeypatch, lambda: emergency.lock_down(app, None, None, ADMIN, "drill"))
        await answered(app, thread_id)
        review = await waiting(app, thread_id)
        assert till.sent == [] and review["request"]["lockdown"] is True
        assert "charge waits as it is" in review["request"]["why"][0]
        assert await emergency.lift(app, None, None, ADMIN, "") == 1
        assert (await threads.advance(app, thread_id))["status"] == "done" and len(till.sent) == 1
        assert len(await events(app, thread_id, "decision")) == 1
        assert (await replay(app, await app.threads.get(thread_id))).difference is None


async def test_what_a_person_says_of_a_held_call_is_told_to_the_planner(database_url: str, home: Path) -> None:
    async with shop(database_url, home, till := Till(), cost=ABOVE_THE_LIMIT) as app:
        thread_id = await begun(app)
        await threads.advance(app, thread_id)
        await emergency.lock_down(app, None, None, ADMIN, "drill")
        await answered(app, thread_id)
        await answered(app, thread_id, "respond", message="hand_back")
        assert (
            len(await events(app, thread_id, "decision")) == 1 and (await waiting(app, thread_id))["kind"] == "blocker"
        )
        await answered(app, thread_id, "respond", message="hand_back it was paid in cash")
        assert (await waiting(app, thread_id))["task_type"] == "planner" and till.sent == []


async def test_whoever_has_lost_their_role_since_has_approved_nothing(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop(database_url, home, till := Till(), "production") as app:
        thread_id, roles = await begun(app), RoleStore(app.pool)
        await roles.set("root", "*", "admin", ADMIN)
        await roles.set("rita", "acme", "reviewer", ADMIN)
        await threads.advance(app, thread_id)
        asked = await waiting(app, thread_id)
        _before_the_claim(monkeypatch, lambda: roles.remove("rita", "acme", ADMIN))
        await _approved_by(app, thread_id, Person("rita", verified=True))
        await threads.advance(app, thread_id)
        again = await waiting(app, thread_id)
        assert till.sent == [] and (again["kind"], again["action_hash"]) == ("action", asked["action_hash"])
        [refused] = await events(app, thread_id, "failure")
        assert refused["message"] == "rita approved charge as reviewer, and is none by now."
        await _approved_by(app, thread_id, ADMIN)
        assert (await threads.advance(app, thread_id))["status"] == "done" and len(till.sent) == 1
        assert (await replay(app, await app.threads.get(thread_id))).difference is None


def _before_the_claim(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Awaitable[None]]) -> None:
    """Between the check of policy and the next claim."""
    claim = PostgresLedger.claim

    async def later(self: PostgresLedger, request: OperationRequest) -> Claim:
        monkeypatch.setattr(PostgresLedger, "claim", claim)
        await happens()
        return await claim(self, request)

    monkeypatch.setattr(PostgresLedger, "claim", later)


async def test_an_agent_that_could_only_ask_waits_for_the_end_of_lockdown(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        await emergency.lock_down(app, "seo", None, ADMIN, "drill")
        await answered(app, thread_id)
        review = await waiting(app, thread_id)
        assert (review["kind"], review["request"]["lockdown"]) == ("blocker", True)
        assert await emergency.lift(app, "seo", None, ADMIN, "over") == 1
        await threads.advance(app, thread_id)
        assert (await waiting(app, thread_id))["kind"] == "action"


async def test_what_waits_under_another_lockdown_waits_on(database_url: str, home: Path) -> None:
    async with shop(database_url, home, Till()) as app:
        thread_id = await begun(app)
        await emergency.lock_down(app, "shop", None, ADMIN, "one")
        await emergency.lock_down(app, None, None, ADMIN, "all")
        await threads.advance(app, thread_id)
        assert await emergency.lift(app, None, None, ADMIN, "") == 0
        assert await emergency.lift(app, "shop", None, ADMIN, "") == 1


async def test_where_people_have_roles_only_an_admin_lifts_a_lockdown(database_url: str, home: Path) -> None:
    async with shop(database_url, home, Till()) as app:
        await emergency.lock_down(app, None, None, DANA, "drill")
        await RoleStore(app.pool).set("root", "*", "admin", ADMIN)
        for person in (DANA, Person("root"), Person("dana", verified=True)):
            with pytest.raises(BadInput, match="only an admin lifts a lockdown"):
                await emergency.lift(app, None, None, person, "")
        await emergency.lift(app, None, None, ADMIN, "")


async def _approved_by(app: Application, thread_id: str, person: Person, wire: WireAnswer = "approve") -> None:
    await threads.decide(app, (await waiting(app, thread_id))["number"], wire, person)


async def test_roles_bound_who_decides_and_a_typed_name_is_refused(database_url: str, home: Path) -> None:
    async with shop(database_url, home, till := Till(), "production") as app:
        thread_id = await begun(app)
        roles = RoleStore(app.pool)
        await roles.set("root", "*", "admin", ADMIN)
        await roles.set("rita", "acme", "reviewer", ADMIN)
        await roles.set("vic", "acme", "viewer", ADMIN)
        await roles.set("pia", "elsewhere", "publisher", ADMIN)
        await threads.advance(app, thread_id)
        for name in ("vic", "pia"):
            with pytest.raises(BadInput, match="has to be a reviewer, a publisher or an admin"):
                await _approved_by(app, thread_id, Person(name, verified=True))
        with pytest.raises(BadInput, match="a name that was only typed in"):
            await _approved_by(app, thread_id, Person("rita"))
        await _approved_by(app, thread_id, Person("rita", verified=True))
        assert (await threads.advance(app, thread_id))["status"] == "done" and len(till.sent) == 1


async def test_on_a_newcomers_machine_roles_count_once_they_exist(database_url: str, home: Path) -> None:
    async with shop(database_url, home, till := Till(), cost=ABOVE_THE_LIMIT) as app:
        thread_id = await begun(app)
        await threads.advance(app, thread_id)
        roles, sam = RoleStore(app.pool), Person("sam", verified=True)
        await roles.set("root", "*", "admin", ADMIN)
        await roles.set("sam", "acme", "publisher", ADMIN)
        await roles.set("vic", "acme", "viewer", ADMIN)
        with pytest.raises(BadInput, match="sam started this thread and cannot decide on it"):
            await _approved_by(app, thread_id, sam)
        with pytest.raises(BadInput, match=r"vic \(viewer\) cannot approve this"):
            await _approved_by(app, thread_id, Person("vic", verified=True))
        await _approved_by(app, thread_id, ADMIN)
        assert (await threads.advance(app, thread_id))["status"] == "done" and len(till.sent) == 1
        [_, allowed] = await events(app, thread_id, "policy_check")
        assert allowed["facts"]["approver_role"] == "admin"


async def test_an_edit_is_approved_by_another_person_outside_of_local(database_url: str, home: Path) -> None:
    async with opened(database_url, home, AUTONOMY_ENVIRONMENT="staging") as app:
        thread_id = await started(app)
        await answered(app, thread_id, "edit", arguments={"format": "guide"})
        review = await waiting(app, thread_id)
        assert (review["task_type"], review["request"]["action_requests"][0]["args"]["format"]) == (
            "set_intent",
            "guide",
        )
        with pytest.raises(BadInput, match="dana edited this action and cannot decide on it"):
            await _approved_by(app, thread_id, DANA)
        await _approved_by(app, thread_id, Person("kim"))
        await threads.advance(app, thread_id)
        assert (await waiting(app, thread_id))["task_type"] == "set_angle"


async def test_an_admin_is_always_left_and_only_admins_change_roles(pool: Pool) -> None:
    roles, typed = RoleStore(pool), Person("root")
    with pytest.raises(BadInput, match="The first role has to be that of an admin"):
        await roles.set("dana", "*", "reviewer", typed)
    await roles.set("root", "*", "admin", typed)
    with pytest.raises(BadInput, match="only typed in"):
        await roles.set("dana", "*", "admin", typed)
    await roles.set("dana", "acme", "publisher", ADMIN)
    with pytest.raises(BadInput, match="is no admin"):
        await roles.set("dana", "*", "admin", Person("dana", verified=True))
    for demoted in (roles.set("root", "*", "viewer", ADMIN), roles.remove("root", "*", ADMIN)):
        with pytest.raises(BadInput, match="An admin has to be left"):
            await demoted
    with pytest.raises(BadInput, match="kim has no role"):
        await roles.remove("kim", "*", ADMIN)
    assert (await roles.of(Person("dana"), "acme")).role == "publisher"
    assert (await roles.of(Person("dana"), "other")).role is None
    await roles.remove("dana", "acme", ADMIN)
    await roles.remove("root", "*", ADMIN)
    assert await roles.all() == []


async def test_a_call_above_its_budget_goes_to_a_person_whose_approval_is_for_exactly_this_call(
    database_url: str, home: Path
) -> None:
    async with shop(database_url, home, till := Till(), cost=ABOVE_THE_LIMIT) as app:
        thread_id = await begun(app)
        await threads.advance(app, thread_id)
        review = await waiting(app, thread_id)
        assert "20000 wanted, 10000 of 10000 budget units of this agent today left" in " ".join(
            review["request"]["why"]
        )
        assert (await answered(app, thread_id))["status"] == "done" and len(till.sent) == 1
        standing = {each.name: each for each in await of_thread(app, await app.threads.get(thread_id))}
        cost = standing["action_cost"]
        assert (cost.used, cost.reserved, cost.granted, cost.left) == (20_000, 0, 10_000, 0)
        assert (standing["steps"].used, standing["calls_per_minute"].used) == (1, 1)
        [agent] = [each for each in await of_agents(app) if each.name == "action_cost"]
        assert (agent.of, agent.used) == ("agent acme/shop", 20_000)
        other = await begun(app, "i-2")
        await threads.advance(app, other)
        assert (await waiting(app, other))["kind"] == "action"


async def test_a_rate_is_waited_for_where_people_see_it_and_in_the_end_a_person_decides(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.ledger.now", lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))  # one long minute
    limits = {"AUTONOMY_LIMITS": '{"calls_per_minute": 1}'}
    async with shop(database_url, home, till := Till(), changes=limits) as app:
        await threads.advance(app, await begun(app))
        thread_id = await begun(app, "i-2")
        for _ in POSTPONEMENTS:
            with pytest.raises(ToolError, match="Too many calls"):
                await threads.advance(app, thread_id)
            thread = await app.threads.get(thread_id)
            assert thread["status"] == "queued" and thread["wake_at"] is not None
        told = [in_words(each, {}) for each in await app.threads.timeline(thread_id) if each.kind == "postponed"]
        assert len(told) == len(POSTPONEMENTS)
        why = "Too many calls: 1 wanted, 0 of 1 tool calls of this agent in this minute left; more from 03:05 UTC."
        assert told[0][0].startswith("tried again at ") and told[0][1] == f"{why} [rate_reached]"
        await threads.advance(app, thread_id)
        review = await waiting(app, thread_id)
        assert (review["kind"], review["request"]["failure_class"]) == ("blocker", "rate_reached")
        assert len(till.sent) == 1


async def test_a_request_outside_of_the_mandate_is_declined_and_escalated(database_url: str, home: Path) -> None:
    scope = Scope(refusals=(Refusal("legal questions", ("legal advice",)),), request=("invoice",), decline="Not mine.")
    async with shop(database_url, home, till := Till(), scope=scope) as app:
        thread_id = await begun(app, "legal advice about i-1")
        await threads.advance(app, thread_id)
        review = await waiting(app, thread_id)
        assert (review["kind"], review["request"]["why"]) == ("blocker", ["Not mine. (legal questions)"])
        told = [in_words(each, {}) for each in await app.threads.timeline(thread_id)]
        assert ("declined, and left to a person", "told: Not mine. (legal questions)") in told
        await answered(app, thread_id, "respond", message="abandon")
        assert (await app.threads.get(thread_id))["status"] == "stopped" and till.sent == []


async def test_a_call_outside_of_the_mandate_is_declined_and_escalated(database_url: str, home: Path) -> None:
    async with shop(database_url, home, till := Till(), scope=Scope(tools=frozenset(), decline="Not mine.")) as app:
        thread_id = await begun(app)
        await threads.advance(app, thread_id)
        why = "Not mine. (charge does not belong to what this agent is here for)"
        assert (await waiting(app, thread_id))["request"]["why"] == [why]
        told = [in_words(each, {}) for each in await app.threads.timeline(thread_id)]
        assert ("declined, and left to a person", f"told: {why}") in told and till.sent == []


async def test_a_stopped_threads_review_is_stale(database_url: str, home: Path) -> None:
    async with shop(database_url, home, Till(), cost=ABOVE_THE_LIMIT) as app:
        thread_id = await begun(app)
        await threads.advance(app, thread_id)
        number = (await waiting(app, thread_id))["number"]
        await emergency.stop(app, "shop", DANA, "", quiet)
        with pytest.raises(StaleDecision):
            await threads.decide(app, number, "approve", DANA)
