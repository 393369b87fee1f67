"""What is recorded of a failure is enough for whoever gets it: records, packets, costs."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from cli import costs as costs_command
from cli import failures as command
from cli import packet as packet_command
from core import errors
from core.errors import AutonomyError, BadInput, ClassifiedError, ToolError
from core.failures import FAILURES, classify
from core.vocabulary import FailureClass, members
from runtime import costs, threads
from runtime.failures import failures
from runtime.packet_text import markdown
from runtime.packets import next_steps, packet
from runtime.replay.run import replay
from runtime.seo import DOMAIN
from runtime.wiring import Parts, open_application
from store.supersteps import _class_of
from tests.integration.application import answered, opened, settings, started, waiting
from tests.integration.scripted import DECIDED, endpoint, script
from tests.integration.shop import CARD, LOST, Till, begun, shop

BY_TYPE: Mapping[str, FailureClass] = {
    "DatabaseUnavailable": "storage",
    "ThreadBusy": "busy",
    "LeaseLost": "lease_lost",
}
"""Errors whose class follows from their type; ToolError and ModelError bring theirs, any other is a bug."""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, database_url: str, home: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("AUTONOMY_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "240")


def errors_of(*names: str) -> set[type[AutonomyError]]:
    """Every error of ours that the modules of these packages define."""
    for name in names:
        package: ModuleType = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(found.name)
    known, pending = set[type[AutonomyError]](), [AutonomyError]
    while pending:
        known.add(kind := pending.pop())
        pending += kind.__subclasses__()
    return {kind for kind in known if kind.__module__.partition(".")[0] in (*names, "core")}


def test_every_error_that_can_reach_a_node_has_exactly_one_class() -> None:
    for kind in errors_of("core", "policy", "escalation", "domains", "tools", "store", "nodes", "graph", "runtime"):
        if issubclass(kind, ClassifiedError) and kind is not errors.LeaseLost:
            assert {classify(kind("x", name)) for name in members(FailureClass)} == set(FAILURES)
            continue
        error = kind.__new__(kind)
        error.failure_class = "lease_lost"  # type: ignore[attr-defined]
        assert classify(error) == BY_TYPE.get(kind.__name__, "bug"), kind
    assert _class_of(psycopg.OperationalError()) == "storage"
    assert classify(ValueError()) == classify(KeyboardInterrupt()) == "bug"


def test_every_class_says_who_gets_it_what_is_kept_and_what_it_speaks_for() -> None:
    for name, rule in FAILURES.items():
        assert rule.evidence and rule.rollback_metric and rule.meaning and rule.recipient, name
    assert {rule.implies for rule in FAILURES.values()} == {"nothing", "rollback", "narrower"}
    assert set(DOMAIN.card.handoffs) <= set(FAILURES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"owner": ""}, "does not say: owner"), ({"stop_rules": ()}, "does not say: stop_rules"),
     ({"handoffs": {"bad_luck": "x"}}, "bad_luck, which is no failure class"), (None, "has no workflow card")],
)  # fmt: skip
async def test_a_domain_without_a_whole_card_does_not_load(
    database_url: str, home: Path, changes: dict[str, Any] | None, message: str
) -> None:
    card = None if changes is None else replace(CARD, **changes)
    module = SimpleNamespace(DOMAIN=SimpleNamespace(name="shop", card=card))
    parts = Parts(domains={"shop": lambda: cast("Any", module)})
    async with open_application(settings(database_url, home), parts) as app:
        with pytest.raises(BadInput, match=message):
            app.domain("shop")


async def test_a_record_says_all_that_was_known_of_the_failure(
    database_url: str, home: Path, environment: None, capsys: pytest.CaptureFixture[str]
) -> None:
    later = ToolError("The till asks to come back later (429).", "transient", never_sent=True)
    till = Till([later, {"receipt": "", "till": 7}])
    async with shop(database_url, home, till, "staging", idempotency="idempotent", decision_point=True) as app:
        thread_id = await begun(app)
        await threads.advance(app, thread_id)
        with pytest.raises(ToolError):
            await answered(app, thread_id)
        await threads.advance(app, thread_id)
        [record] = await failures(app)
        assert (record.failure_class, record.workflow, record.action) == ("tool_drift", "shop", "charge")
        assert (record.retries, record.recipient, record.implies) == (1, "owner", "narrower")
        assert record.approval == "approved by dana" and record.run == 3 and not record.ended_the_run
        assert record.behaviour_version and record.release and record.model == "offline-extractive"
        kept = await app.artifacts.read("acme", [record.answer])
        assert json.loads(kept[record.answer]) == {"receipt": "", "till": 7}
        assert await failures(app, failure_class="bug") == []
        assert (await replay(app, await app.threads.get(thread_id))).difference is None
        found = await packet(app, await app.threads.get(thread_id))
        said = "\n".join(markdown(found))
    number = found.waits["number"] if found.waits else 0
    for part in ("i-1", "tool_drift", "answered out of its schema", f"autonomy take-over r-{number}", "r-1: approve",
                 "approved by dana", "compare the kept answer", "charge (#"):  # fmt: skip
        assert part in said
    assert await command.failures("tool_drift", "2026-01-01", 10, json=False) == 0
    assert "narrower" in capsys.readouterr().out
    with pytest.raises(BadInput, match="no failure class; there are transient"):
        await command.failures("bad_luck", None, 10, json=False)


async def test_a_packet_of_a_waiting_thread_is_enough_to_act_on(
    database_url: str, home: Path, environment: None, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        number = (await waiting(app, thread_id))["number"]
    assert await packet_command.packet(thread_id, json=False) == 0
    said = capsys.readouterr().out
    for part in ("# Search content, one keyword at a time: crm for startups", "Judge the proposal",
                 f"autonomy decide r-{number} approve", "keyword: crm for startups", "publish it to the profile's site",
                 "no format has a majority", "crm-radar.example", "9 of 10 read", "set_intent", "--why"):  # fmt: skip
        assert part in said
    assert await packet_command.packet(thread_id, json=True) == 0
    assert json.loads(capsys.readouterr().out)["waits"]["number"] == number


async def test_what_to_do_next_follows_from_where_the_thread_is(database_url: str, home: Path) -> None:
    async with shop(database_url, home, Till([LOST])) as app:
        thread_id = await begun(app)
        assert "Resume it" in (await packet(app, await app.threads.get(thread_id))).next[0]
        await threads.advance(app, thread_id)
        found = await packet(app, await app.threads.get(thread_id))
        assert "Look on the far side" in found.next[0] and found.operations[0]["state"] == "unknown"
        assert any("happened" in each for each in found.commands)
        await answered(app, thread_id, "respond", message="happened r")
        assert (await packet(app, await app.threads.get(thread_id))).next == ("Nothing: the thread is done.",)
        [record] = await failures(app)
        for name in members(FailureClass):
            failed = {"status": "failed", "wake_at": None, "id": "t"}
            assert next_steps(failed, None, replace(record, failure_class=name))[0]


async def test_calls_are_recorded_whole_and_their_cost_is_told_by_thread_keyword_and_day(
    database_url: str, home: Path, environment: None, llmock: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    script(llmock, *DECIDED)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        async with app.pool.connection() as connection:
            calls = await (await connection.execute("select * from model_call order by started_at")).fetchall()
            await connection.execute("update model_call set cost = 0.25 where purpose = 'choose'")
        release = (await app.threads.get(thread_id))["release"]
        [decided] = [each for each in await app.threads.timeline(thread_id) if each.body.get("model_call")]
        assert [call["purpose"] for call in calls] == ["choose", "report"] and decided.body["model_call"] == calls[0][
            "id"
        ]
        for call in calls:
            assert call["release"] == release and call["messages"] and call["answer"] and call["parameters"]
            assert call["input_tokens"] and call["output_tokens"] and call["latency_ms"] > 0 and call["attempt"] == 1
        [row] = await costs.costs(app.pool, "thread")
        assert (row["thread_id"], row["calls"], row["cost"], row["unpriced"]) == (thread_id, 2, 0.25, 1)
        assert row["input_tokens"] == sum(call["input_tokens"] for call in calls)
        assert [each["subject"] for each in await costs.costs(app.pool, "keyword")] == ["crm for startups"]
        assert [each["threads"] for each in await costs.costs(app.pool, "day")] == [1]
        assert await costs.costs(app.pool, "day", thread_id="another") == []
    assert await costs_command.costs("keyword", None, None, 10, json=False) == 0
    assert "$0.2500+" in capsys.readouterr().out
    assert await costs_command.costs("thread", thread_id[:6], "2026-01-01", 10, json=True) == 0
    assert json.loads(capsys.readouterr().out)[0]["cost"] == 0.25
