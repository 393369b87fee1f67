"""People are told of what waits, once, by a real webhook; nothing of a payload or an address gets out."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput
from evals.earning import audited, judged, ran_alone
from runtime import notices
from runtime.notices import NewRule
from runtime.wiring import Application
from tests.integration.application import opened, started
from tests.integration.commands import CommandsHere
from tests.integration.test_earned_autonomy import CERTIFYING, place_of

KEY = base64.b64encode(bytes(32)).decode()


class Hook:
    """A webhook that keeps what it is sent, and refuses it when told to."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"json://user:hunter2@127.0.0.1:{self.server.server_port}/t0ken"


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()


async def aged(app: Application, hours: float) -> None:
    async with app.pool.connection() as connection:
        await connection.execute("update review set opened_at = now() - %s * interval '1 hour'", [hours])


async def test_each_review_is_told_of_once_by_each_rule_that_fits_it(database_url: str, home: Path, hook: Hook) -> None:
    async with opened(
        database_url, home, AUTONOMY_ENCRYPTION_KEY=KEY, AUTONOMY_CONSOLE_URL="https://c.example/"
    ) as app:
        await started(app)
        for rule in (
            NewRule(hook.address),
            NewRule(hook.address, task_type="set_angle"),
            NewRule(hook.address, "due"),
            NewRule(hook.address, "overdue", assign_to="lee"),
        ):
            await notices.add(app, rule, "dana")
        assert await notices.tell(app) == []  # it was open before anybody wanted to know
        thread_id = await started(app, "what is churn rate")
        assert [line.split(" to ")[0] for line in await notices.tell(app)] == ["new (1)"]
        assert await notices.tell(app) == []
        [sent] = hook.got
        [review] = await app.reviews.waiting(thread_id)
        assert f"https://c.example/review?id=r-{review['number']}" in sent["message"]
        assert "churn" not in json.dumps(sent)
        await aged(app, 3.6)
        assert [line[:7] for line in await notices.tell(app)] == ["due (2)"]
        await aged(app, 5)
        assert [line[:11] for line in await notices.tell(app)] == ["overdue (2)"]
        assert (await app.reviews.get(review["number"]))["assignee"] == "lee"
        assert len(hook.got) == 3


async def test_what_was_not_taken_is_said_and_not_sent_again(database_url: str, home: Path, hook: Hook) -> None:
    async with opened(database_url, home, AUTONOMY_ENCRYPTION_KEY=KEY) as app:
        number = await notices.add(app, NewRule(hook.address), "dana")
        await started(app)
        hook.status = 500
        [line] = await notices.tell(app)
        assert "it is not sent again" in line and "hunter2" not in line and "t0ken" not in line
        assert await notices.tell(app) == []
        assert len(hook.got) == 1
        hook.status = 200
        assert await notices.try_out(app, number)


async def test_a_digest_comes_when_it_is_due_and_not_before(database_url: str, home: Path, hook: Hook) -> None:
    async with opened(database_url, home, AUTONOMY_ENCRYPTION_KEY=KEY) as app:
        await notices.add(app, NewRule(hook.address, "digest", hours=2), "dana")
        await started(app)
        assert await notices.tell(app) == []
        async with app.pool.connection() as connection:
            await connection.execute("update notification_rule set created_at = now() - interval '3 hours'")
        assert [line[:10] for line in await notices.tell(app)] == ["digest (1)"]
        assert await notices.tell(app) == []


async def test_an_address_is_stored_sealed_or_by_name_and_never_shown_whole(
    database_url: str, home: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_url, home) as app:
        with pytest.raises(BadInput, match="only stored encrypted"):
            await notices.add(app, NewRule(hook.address), "dana")
        monkeypatch.setenv("OUR_HOOK", hook.address)
        assert await notices.try_out(app, await notices.add(app, NewRule("env:OUR_HOOK"), "dana"))
    async with opened(database_url, home, AUTONOMY_ENCRYPTION_KEY=KEY) as app:
        with pytest.raises(BadInput, match="no address that apprise knows") as refused:
            await notices.add(app, NewRule("nonsense://user:hunter2@x/t0ken"), "dana")
        assert "hunter2" not in str(refused.value) and "t0ken" not in str(refused.value)
        await notices.add(app, NewRule(hook.address), "dana")
        async with app.pool.connection() as connection:
            cursor = await connection.execute(
                "select rule::text as row, shown from notification_rule rule order by number"
            )
            rows = await cursor.fetchall()
    assert [row["shown"] for row in rows] == ["env:OUR_HOOK", f"json://127.0.0.1:{hook.server.server_port}/…"]
    assert "hunter2" not in str(rows) and hook.address.encode().hex() not in str(rows)


async def test_a_review_that_nobody_decides_expires_and_takes_its_thread_with_it(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        [review] = await app.reviews.waiting(thread_id)
        assert await app.reviews.expire(1) == []
        await aged(app, 2)
        assert await app.reviews.expire(1) == [review["number"]]
        assert (await app.reviews.get(review["number"]))["state"] == "expired"
        thread = await app.threads.get(thread_id)
        said = f"stopped by runtime: nobody decided on review r-{review['number']} within 1 h"
        assert (thread["status"], thread["ending"]["reason"]) == ("stopped", said)


def test_the_command_adds_lists_and_removes(database_url: str, home: Path) -> None:
    home.mkdir()
    autonomy = CommandsHere(home, DATABASE_URL=database_url)
    refused = autonomy("notify", "add", "json://user:hunter2@127.0.0.1:1/x")
    assert (refused.returncode, "only stored encrypted" in refused.stderr, "hunter2" in refused.stderr) == (
        2,
        True,
        False,
    )
    assert autonomy("notify", "add", "env:LEAD", "--on", "overdue", "--assign", "lee").returncode == 0
    [rule] = autonomy.read("notify")
    assert (rule["shown"], rule["occasion"], rule["assign_to"]) == ("env:LEAD", "overdue", "lee")
    assert autonomy("notify", "remove", str(rule["number"])).returncode == 0
    assert autonomy("notify", "remove", str(rule["number"])).returncode == 2


async def test_an_alarm_that_takes_autonomy_back_is_told_once_and_says_what_was_counted(
    database_url: str, home: Path, hook: Hook
) -> None:
    async with opened(
        database_url, home, AUTONOMY_ENCRYPTION_KEY=KEY, AUTONOMY_CONSOLE_URL="https://c.example/"
    ) as app:
        thread_id = await started(app)
        place = await place_of(app, thread_id)
        await notices.add(app, NewRule(hook.address, "revoked"), "dana")
        await notices.add(app, NewRule(hook.address, "revoked", task_type="set_angle"), "dana")
        await judged(app.pool, thread_id, place, count=CERTIFYING)
        assert await notices.tell(app) == []
        while await ran_alone(app.pool, thread_id, place):
            await audited(app.pool, "wrong")
        assert [line.split(" to ")[0] for line in await notices.tell(app)] == ["revoked (1)"]
        assert await notices.tell(app) == []
        with pytest.raises(BadInput, match="is told at once"):
            await notices.add(app, NewRule(hook.address, "revoked", tier="reversible"), "dana")
    [sent] = hook.got
    assert sent["title"] == "Autonomy taken back: set_intent"
    assert "2 of 2 audits since the certificate were wrong" in sent["message"]
    assert "https://c.example/autonomy?task_type=set_intent" in sent["message"] and "crm" not in json.dumps(sent)
