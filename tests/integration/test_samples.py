"""Further samples of a decision, from a model server over real HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from llmock.scenarios import Match, Reply

from runtime.wiring import Application
from tests.integration.application import events, opened, started, waiting
from tests.integration.scripted import INTENT, endpoint, script


async def calls(app: Application, thread_id: str) -> list[dict[str, Any]]:
    async with app.pool.connection() as connection:
        cursor = await connection.execute(
            "select purpose, messages, answer, error from model_call where thread_id = %s order by started_at",
            [thread_id],
        )
        return await cursor.fetchall()


async def test_a_sample_that_chooses_otherwise_raises_the_score_and_is_told(
    database_url: str, home: Path, llmock: Any
) -> None:
    spelled = {**INTENT, "reader": INTENT["reader"].upper()}  # type: ignore[attr-defined]
    script(llmock, ("set_intent", INTENT), ("set_intent", spelled), ("set_intent", {**INTENT, "format": "list"}))
    async with opened(database_url, home, **endpoint(llmock) | {"AUTONOMY_SAMPLES": "on"}) as app:
        thread_id = await started(app)
        request = (await waiting(app, thread_id))["request"]
        assert "One of two further samples chose another intent." in request["why"]
        [score] = await events(app, thread_id, "escalation")
        assert score["low_confidence"] == pytest.approx((0.2 + 1 / 3 + 0.5) / 3, abs=1e-4)
        decided = (await events(app, thread_id, "decision"))[-1]
        assert len(decided["samples"]) == 2 and decided["samples"] == score["samples"]
        made = await calls(app, thread_id)
        assert sorted(call["purpose"] for call in made) == ["choose", "report", "sample", "sample"]
        orders = [[m["content"] for m in call["messages"]] for call in made if call["purpose"] == "sample"]
        assert orders[0] != orders[1] and sorted(map(len, orders[0])) == sorted(map(len, orders[1]))


async def test_a_sample_that_fails_counts_as_another_choice(database_url: str, home: Path, llmock: Any) -> None:
    script(llmock, ("set_intent", INTENT))
    llmock.add(Reply(text="I would rather not.", times=2, match=Match(tools=True)))
    async with opened(database_url, home, **endpoint(llmock) | {"AUTONOMY_SAMPLES": "on"}) as app:
        thread_id = await started(app)
        request = (await waiting(app, thread_id))["request"]
        assert "Two of two further samples could not be drawn, which counts as another choice." in request["why"]
        assert [call["purpose"] for call in await calls(app, thread_id) if call["error"]] == ["sample", "sample"]


async def test_the_offline_algorithm_is_not_asked_twice(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        assert {call["purpose"] for call in await calls(app, thread_id)} == {"choose", "report"}
