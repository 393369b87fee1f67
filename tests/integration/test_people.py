"""What people decide together: many at once, and what they take back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput, StaleDecision
from core.people import Approver
from graph.version import GRAPH_VERSION
from runtime import threads
from runtime.alike import decide_alike, unlike
from runtime.people import admitted
from runtime.wiring import Application
from tests.integration.application import DANA, events, opened, started, waiting

LEE = threads.Person("lee")


async def made_final(app: Application, review: dict[str, Any]) -> None:
    """As if the review were of a call that cannot be undone."""
    request = review["request"] | {"tier": "irreversible"}
    request["action_requests"][0]["name"] = "publish_content"
    async with app.pool.connection() as connection:
        await connection.execute(
            "update review set request = %s where number = %s", [json.dumps(request), review["number"]]
        )


async def test_what_this_release_cannot_read_it_takes_no_decision_on(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        review = await waiting(app, await started(app))
        async with app.pool.connection() as connection:
            await connection.execute("update review set request = '{\"version\": 9}'")
        with pytest.raises(BadInput, match="cannot be decided by this release: the request is of version 9"):
            await threads.decide(app, review["number"], "approve", DANA)
        assert (await app.reviews.get(review["number"]))["state"] == "open"


async def test_an_approval_of_what_cannot_be_undone_is_no_approval_until_it_is_due(
    database_url: str, home: Path
) -> None:
    async with opened(database_url, home) as app:
        review = await waiting(app, await started(app))
        await made_final(app, review)
        thread_id, number = review["thread_id"], review["number"]
        await threads.decide(app, number, "approve", DANA, undoable=True)
        assert await app.reviews.approver(thread_id, review["action_hash"]) is None
        assert (await threads.advance(app, thread_id))["status"] == "waiting"
        assert (await app.reviews.get(number))["state"] == "decided"
        with pytest.raises(StaleDecision, match="no decision of lee"):
            await threads.undo(app, number, LEE)
        await threads.undo(app, number, DANA)
        assert (await app.reviews.get(number))["state"] == "open"
        assert await app.reviews.changed(review["tenant"], review["task_type"]) == (0, 0, False)
        assert await events(app, thread_id, "review_undone") == [{"review": number}]
        await threads.decide(app, number, "approve", DANA, undoable=True)
        assert await app.jobs.sweep(GRAPH_VERSION) == 0
        async with app.pool.connection() as connection:
            await connection.execute("update review set effective_at = now()")
            await connection.execute("update thread set wake_at = now()")
        assert await app.jobs.sweep(GRAPH_VERSION) == 1
        with pytest.raises(StaleDecision, match="cannot be taken back"):
            await threads.undo(app, number, DANA)
        assert await app.reviews.approver(thread_id, review["action_hash"]) == Approver("dana")


async def test_what_can_be_undone_takes_effect_at_once(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        review = await waiting(app, await started(app))
        await threads.decide(app, review["number"], "approve", DANA, undoable=True, verdict="right")
        stored = await app.reviews.get(review["number"])
        assert stored["effective_at"] is None and stored["decision"]["verdict"] == "right"


async def test_like_items_are_decided_together_and_each_only_once(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        reviews = [await waiting(app, await started(app, word)) for word in ("crm for startups", "invoice template")]
        numbers = [review["number"] for review in reviews]
        await threads.decide(app, numbers[1], "approve", LEE)
        found = await decide_alike(
            app, numbers, "reject", DANA, message="Lists again.", verdict="wrong", reason="voice"
        )
        assert found.taken == (numbers[0],)
        [(lost, why)] = found.lost
        assert lost == numbers[1] and "already decided: approve, by lee" in why
        await made_final(app, reviews[0])
        with pytest.raises(BadInput, match="decided one by one"):
            await decide_alike(app, numbers[:1], "approve", DANA)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"task_type": "set_angle"}, "different task types"),
        ({"reason": "irreversible-needs-person"}, "different task types"),
        ({"tier": None}, "cannot be undone"),
        ({"tier": "irreversible"}, "cannot be undone"),
        ({"kind": "blocker"}, "only proposed actions"),
    ],
)
def test_what_is_not_alike_is_not_decided_together(change: dict[str, Any], why: str) -> None:
    one = {"kind": "action", "tenant": "acme", "task_type": "set_intent", "reason": "score", "tier": "reversible"}
    assert unlike([one, one]) == ""
    assert why in unlike([one, one | change])


def test_only_who_is_listed_is_let_in() -> None:
    dana = {"email": "Dana@Acme.example", "email_verified": True}
    assert admitted(dana, "@acme.example") == "dana@acme.example"
    assert admitted(dana, "lee@x.example, dana@acme.example") == "dana@acme.example"
    for claims, allowed in (
        (dana, ""),
        (dana, "acme.example"),
        (dana, "@me.example"),
        (dana | {"email_verified": False}, "@acme.example"),
        ({"email": "dana@acme.example"}, "@acme.example"),
        ({"name": "dana"}, "@acme.example"),
    ):
        with pytest.raises(BadInput):
            admitted(claims, allowed)
