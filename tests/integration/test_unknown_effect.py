"""A call that may or may not have taken effect, from the failure to a person's word and on; whole threads."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from core.errors import AlreadyDecided, BadInput, StaleDecision
from core.events import first_break
from runtime import threads
from runtime.wiring import Application
from store.operations import OperationStore
from tests.integration.application import DANA, answered, events, waiting
from tests.integration.shop import LOST, Till, begun, shop


async def until_asked(app: Application) -> tuple[str, dict[str, Any]]:
    """A thread whose charge got no answer, and the review it waits for."""
    thread_id = await begun(app)
    await threads.advance(app, thread_id)
    while (review := await waiting(app, thread_id))["kind"] == "action":
        await answered(app, thread_id)
    return thread_id, review


async def operation(app: Application, key: str = "") -> dict[str, Any]:
    [row] = await OperationStore(app.pool).newest(None, 5)
    return row


async def said(app: Application) -> list[str]:
    return [line["said"] for line in await OperationStore(app.pool).history((await operation(app))["key"])]


async def result(app: Application, thread_id: str) -> Any:
    [done] = await events(app, thread_id, "tool_result")
    thread = await app.threads.find(thread_id)
    return (await app.artifacts.read(thread["tenant"], [done["results"]["charged"]]))[done["results"]["charged"]]


async def test_a_person_is_shown_what_was_sent_and_what_their_word_will_do(database_url: str, home: Path) -> None:
    async with shop(database_url, home, Till([LOST])) as app:
        _, review = await until_asked(app)
        held = await operation(app)
    request = review["request"]
    assert (review["kind"], request["choices"]) == ("unknown_effect", ["happened", "did_not_happen", "abandon"])
    shown = request["unknown_effect"]
    assert (shown["key"], shown["revision"], shown["fence"], shown["attempt"]) == (held["key"], 1, 1, 1)
    assert shown["arguments"] == {"invoice": "i-1"} and shown["sent_at"]
    assert "it answered 500" in request["why"][0] and held["state"] == "unknown"


@pytest.mark.parametrize("environment", ["local", "staging"])
async def test_it_happened_and_is_not_sent_again(database_url: str, home: Path, environment: str) -> None:
    till = Till([LOST])
    async with shop(database_url, home, till, environment) as app:
        thread_id, _ = await until_asked(app)
        thread = await answered(app, thread_id, "respond", message="happened receipt 4711")
        assert thread["status"] == "done" and len(till.sent) == 1
        assert await result(app, thread_id) == '{"receipt":"receipt 4711"}'
        assert await said(app) == ["started", "unknown", "happened"]
        [call] = await events(app, thread_id, "tool_call")
        assert call["replayed"]
        assert first_break(await app.threads.timeline(thread_id)) is None


@pytest.mark.parametrize("environment", ["local", "staging"])
async def test_it_did_not_happen_and_is_sent_once_more_under_the_same_approval(
    database_url: str, home: Path, environment: str
) -> None:
    till = Till([LOST])
    async with shop(database_url, home, till, environment) as app:
        thread_id, _ = await until_asked(app)
        thread = await answered(app, thread_id, "respond", message="did_not_happen: the bank knows nothing")
        assert thread["status"] == "done" and len(till.sent) == 2
        assert await result(app, thread_id) == '{"receipt":"receipt 2"}'
        assert await said(app) == ["started", "unknown", "did_not_happen", "started", "succeeded"]
        asked = await events(app, thread_id, "review_requested")
    assert [body["kind"] for body in asked] == (["action"] if environment == "staging" else []) + ["unknown_effect"]


async def test_it_may_be_unknown_more_than_once(database_url: str, home: Path) -> None:
    till = Till([LOST, LOST])
    async with shop(database_url, home, till) as app:
        thread_id, first = await until_asked(app)
        assert (await answered(app, thread_id, "respond", message="did_not_happen"))["status"] == "waiting"
        second = await waiting(app, thread_id)
        assert [review["request"]["unknown_effect"]["attempt"] for review in (first, second)] == [1, 2]
        assert (await answered(app, thread_id, "respond", message="happened r"))["status"] == "done"
    assert len(till.sent) == 2


async def test_what_is_given_up_is_not_sent_again_and_the_thread_goes_on(database_url: str, home: Path) -> None:
    till = Till([LOST])
    async with shop(database_url, home, till) as app:
        thread_id, _ = await until_asked(app)
        thread = await answered(app, thread_id, "respond", message="abandon nobody can tell")
        assert (thread["status"], thread["ending"]["reason"]) == ("done", "every step is done")
        assert (await operation(app))["state"] == "failed" and len(till.sent) == 1
        another = await begun(app)
        await threads.advance(app, another)
        failures = await events(app, another, "failure")
        assert failures and "dana gave it up: nobody can tell" in failures[0]["message"]
    assert len(till.sent) == 1


async def test_a_person_may_open_what_was_given_up_for_another_try(database_url: str, home: Path) -> None:
    till = Till([LOST])
    async with shop(database_url, home, till) as app:
        thread_id, _ = await until_asked(app)
        await answered(app, thread_id, "respond", message="abandon")
        held = await operation(app)
        assert await OperationStore(app.pool).revise(held["key"][:12], "dana", "the bank says no") == 2
        assert (await threads.advance(app, await begun(app)))["status"] == "done"
    assert till.sent == [held["key"], f"{held['key']}-2"]


async def test_giving_up_where_a_no_is_final_takes_the_tool_away(database_url: str, home: Path) -> None:
    async with shop(database_url, home, Till([LOST]), rejection_is_final=True) as app:
        thread_id, _ = await until_asked(app)
        assert (await answered(app, thread_id, "respond", message="abandon"))["status"] == "done"
        assert not await events(app, thread_id, "tool_result")


async def test_a_word_on_what_has_moved_on_is_refused_and_changes_nothing(database_url: str, home: Path) -> None:
    till = Till([LOST])
    async with shop(database_url, home, till) as app:
        thread_id, review = await until_asked(app)
        async with app.pool.connection() as connection:
            await connection.execute("update operation set fence = fence + 1")
        with pytest.raises(StaleDecision, match="has moved on since you were asked"):
            await threads.decide(app, review["number"], "respond", DANA, message="happened r")
        assert (await waiting(app, thread_id))["state"] == "open"
        assert (await operation(app))["state"] == "unknown"


async def test_of_two_people_one_is_heard(database_url: str, home: Path) -> None:
    till = Till([LOST])
    async with shop(database_url, home, till) as app:
        thread_id, review = await until_asked(app)
        words = [
            threads.decide(app, review["number"], "respond", DANA, message=word)
            for word in ("did_not_happen", "happened r", "abandon")
        ]
        ends = await asyncio.gather(*words, return_exceptions=True)
        assert [type(end) for end in ends if isinstance(end, BaseException)] == [AlreadyDecided] * 2
        assert len(await events(app, thread_id, "review_decided")) == 1


@pytest.mark.parametrize("message", ["happened", "yes", ""])
async def test_a_word_that_is_none_is_refused(database_url: str, home: Path, message: str) -> None:
    async with shop(database_url, home, Till([LOST])) as app:
        thread_id, review = await until_asked(app)
        with pytest.raises(BadInput, match="say more|Start the message with one of: happened, did_not_happen, abandon"):
            await threads.decide(app, review["number"], "respond", DANA, message=message)
        assert (await waiting(app, thread_id))["state"] == "open"


@pytest.mark.parametrize("answer", [RuntimeError("a bug of the adapter"), {"nothing": "of the kind"}, LOST])
async def test_whatever_goes_wrong_after_sending_never_counts_as_failed(
    database_url: str, home: Path, answer: Any
) -> None:
    till = Till([answer])
    async with shop(database_url, home, till) as app:
        thread_id = await begun(app)
        for _ in range(2):  # a bug stops the thread; who resumes it is asked
            try:
                await threads.advance(app, thread_id)
            except RuntimeError:
                assert (await operation(app))["state"] == "unknown"
        assert (await waiting(app, thread_id))["kind"] == "unknown_effect"
        assert (await operation(app))["state"] == "unknown"
    assert len(till.sent) == 1


async def test_another_thread_waits_while_a_person_is_asked(database_url: str, home: Path) -> None:
    till = Till([LOST])
    async with shop(database_url, home, till) as app:
        first, _ = await until_asked(app)
        second = await begun(app)
        await _postponed(app, second)
        await answered(app, first, "respond", message="happened receipt 4711")
        assert (await threads.advance(app, second))["status"] == "done"
        assert await result(app, second) == '{"receipt":"receipt 4711"}'
    assert len(till.sent) == 1


async def _postponed(app: Application, thread_id: str) -> None:
    with pytest.raises(Exception, match="is tried again later"):
        await threads.advance(app, thread_id)
    [later] = await events(app, thread_id, "postponed")
    assert later["class"] == "busy"
