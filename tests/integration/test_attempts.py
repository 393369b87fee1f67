"""A read that does not succeed at once, over a whole thread: every attempt is an event, whatever becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from core.errors import ToolError
from runtime import threads
from tests.integration.application import events
from tests.integration.shop import Till, begun, shop
from tools import patience

LATER: Final = ToolError("The till asks to come back later (429).", "transient", never_sent=True)
MUCH_LATER: Final = ToolError("The till is closed.", "transient", 900.0, never_sent=True)
READS: Final[dict[str, Any]] = {"tier": "read-only", "idempotency": "idempotent", "attempts": 3}


async def test_attempts_that_ended_well_are_events(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FIRST_WAIT", 0.001)
    async with shop(database_url, home, Till([LATER, LATER]), **READS) as app:
        thread = await threads.advance(app, thread_id := await begun(app))
        tried = await events(app, thread_id, "tool_attempt")
    assert thread["status"] == "done"
    assert [(each["said"], each["attempt"]) for each in tried] == [("not_sent", 1), ("not_sent", 2), ("succeeded", 3)]


async def test_attempts_of_a_thread_that_is_put_off_are_events(database_url: str, home: Path) -> None:
    async with shop(database_url, home, Till([MUCH_LATER]), **READS) as app:
        thread_id = await begun(app)
        with pytest.raises(ToolError, match="closed"):
            await threads.advance(app, thread_id)
        thread, tried = await app.threads.get(thread_id), await events(app, thread_id, "tool_attempt")
        [put_off] = await events(app, thread_id, "postponed")
    assert thread["status"] == "queued" and thread["wake_at"].isoformat() == put_off["again_at"]
    assert [(each["said"], each["attempt"]) for each in tried] == [("not_sent", 1)]
