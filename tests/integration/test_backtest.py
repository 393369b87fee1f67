"""Recorded decisions under other rules, weights or another threshold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import backtest as command
from core.errors import BadInput
from tests.integration.application import opened, settings, started

STRICTER = """
@id("no-fetching")
@says("nothing is fetched here")
forbid (principal, action == Action::"call", resource == Tool::"fetch_pages");
"""


async def test_what_other_rules_and_another_threshold_would_have_changed_is_told(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "read_settings", lambda: settings(database_url, home))
    async with opened(database_url, home) as app:
        thread_id = await started(app)
    rules = home / "rules"
    rules.mkdir()
    (rules / "stricter.cedar").write_text(STRICTER)
    capsys.readouterr()
    assert await command.run(thread_id, None, command.Supposed(rules, None, 0.84), json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["threads"], found["decisions"], found["unreadable"]) == (1, 4, 0)
    assert [(each["action"], each["was"], each["instead"]) for each in found["otherwise"]] == [
        ("fetch_pages", "allow", "deny"), ("set_intent", "review", "proceed"),
    ]  # fmt: skip
    assert await command.run(None, "2026-01-01", command.Supposed(None, "1,0,0", None), json=False) == 0
    assert "decisions of 1 threads" in capsys.readouterr().out
    with pytest.raises(BadInput, match="Say what to suppose"):
        await command.run(thread_id, None, command.Supposed(None, None, None), json=False)
