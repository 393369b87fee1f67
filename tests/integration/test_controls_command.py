"""limits, lockdown, roles and stop as a person meets them, in the test's own process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli import controls, reading
from core.errors import BadInput
from runtime.people import at_keyboard, local_user
from tests.integration.application import opened, settings, started


@pytest.fixture
def here(database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(database_url, home)
    assert given.database_url is not None
    monkeypatch.setenv("DATABASE_URL", given.database_url.get_secret_value())
    monkeypatch.setenv("AUTONOMY_HOME", str(home))
    monkeypatch.setenv("AUTONOMY_DDGS", "off")
    monkeypatch.setenv("AUTONOMY_PROBE_LOCAL_MODELS", "false")
    monkeypatch.chdir(home.parent)


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("here")
async def test_limits_of_agents_and_of_a_thread(
    database_url: str, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await controls.limits(None, False) == 0
    assert "No agent has run yet" in printed(capsys)
    async with opened(database_url, home) as app:
        thread_id = await started(app)
    monkeypatch.setenv("AUTONOMY_LIMITS", '{"steps": 77}')
    assert await controls.limits(thread_id, True) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["steps"]["used"], rows["steps"]["most"], rows["steps"]["left"]) == (3, 77, 74)
    assert (rows["action_cost"]["used"], rows["action_cost"]["most"]) == (2, 50_000)
    assert set(rows) >= {"tokens", "tokens_per_call", "irreversible_actions", "cost_per_day", "repeats", "attempts"}
    await controls.limits(None, False)
    assert "agent bramblecroft" in (said := printed(capsys)) or "/seo" in said
    await reading.show(thread_id, False)
    assert "authority: execute for" in printed(capsys)


@pytest.mark.usefixtures("here")
async def test_lockdown_is_shown_with_who_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    await controls.show_lockdown(False)
    assert printed(capsys) == "No lockdown is on."
    await controls.lock_down("seo", "local", "drill", "dana", False)
    assert "Lockdown is on for domain seo, environment local, by dana at" in printed(capsys)
    with pytest.raises(BadInput, match="That lockdown is not on. On: for domain seo"):
        await controls.lift(None, None, "", "dana", False)
    await controls.lift("seo", "local", "", "dana", False)
    assert printed(capsys) == "Lifted. 0 threads that waited for it can go on. No lockdown is on."


@pytest.mark.usefixtures("here")
async def test_roles_are_given_by_an_admin_at_the_keyboard(capsys: pytest.CaptureFixture[str]) -> None:
    await controls.list_roles(False)
    assert "Nobody has a role yet" in printed(capsys)
    with pytest.raises(BadInput, match="The first role has to be that of an admin"):
        await controls.set_role("dana", "reviewer", "*", None, False)
    me = at_keyboard(None)
    await controls.set_role(me.name, "admin", "*", None, True)
    capsys.readouterr()
    if me.verified:
        await controls.set_role("dana", "publisher", "acme", None, True)
        rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        assert {(row["person"], row["tenant"], row["role"]) for row in rows} >= {("dana", "acme", "publisher")}
    with pytest.raises(BadInput, match="only typed in"):
        await controls.remove_role("dana", "acme", me.name, False)
    with pytest.raises(BadInput, match="needs a name and a tenant"):
        await controls.set_role(" ", "admin", "*", None, False)


@pytest.mark.usefixtures("here")
async def test_stopping_all_says_how_many(database_url: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with opened(database_url, home) as app:
        await started(app)
    await controls.stop("seo", "fire", None, True)
    assert json.loads(capsys.readouterr().out) == {"domain": "seo", "stopped": 1, "running": 0}
    await controls.stop(None, "", None, False)
    assert printed(capsys) == "0 threads stopped."


def test_a_typed_name_is_not_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not at_keyboard("dana").verified
    assert not at_keyboard(local_user()).verified
    monkeypatch.setenv("LOGNAME", "somebody else")
    assert (at_keyboard(None).name, at_keyboard(None).verified) == ("somebody else", False)
