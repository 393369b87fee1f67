"""`autonomy operations`: listing, the history of one, and opening one again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from core.operations import OperationRequest
from store.database import open_pool
from store.ledger import PostgresLedger
from tests.integration.commands import CommandsHere
from tests.integration.threads import leased, new_thread

KEY = "ab" * 32
REQUEST = OperationRequest(
    KEY, "acme", "t1", "publish", "p1", "h", "r", gated=False, idempotency="idempotent", timeout=60.0
)


async def refused_once(database_url: str) -> None:
    async with open_pool(database_url) as pool:
        await new_thread(pool)
        book = PostgresLedger(pool, (await leased(pool)).epoch)
        failure = {"failure": {"class": "bug", "message": "no\x1b"}}
        await book.settle(REQUEST, await book.claim(REQUEST), "failed", failure)


def test_what_was_done_is_listed_explained_and_opened_again(database_url: str, home: Path) -> None:
    asyncio.run(refused_once(database_url))
    home.parent.mkdir(parents=True, exist_ok=True)
    autonomy = CommandsHere(home, DATABASE_URL=database_url)
    [listed] = autonomy.read("operations", "--state", "failed")
    assert (listed["key"], listed["tool"], listed["attempt"]) == (KEY, "publish", 1)
    assert autonomy.read("operations", "--state", "unknown") == []
    shown = autonomy("operations", "show", KEY[:10])
    assert shown.returncode == 0 and "refused" in shown.stdout and "no\ufffd" in shown.stdout
    opened = autonomy.read("operations", "revise", KEY[:10], "--as", "dana", "--message", "the far side was fixed")
    assert (opened["revision"], opened["state"]) == (2, "started")
    history = autonomy.read("operations", "show", KEY)["history"]
    assert [(line["said"], line["actor"]) for line in history] == [
        ("started", "agent"), ("refused", "agent"), ("revised", "dana"),
    ]  # fmt: skip
    for wrong in (["show", "ff"], ["revise", "ff"], ["revise", KEY]):
        refused = autonomy("operations", *wrong)
        assert refused.returncode == 2 and refused.stderr.count("\n") == 1
