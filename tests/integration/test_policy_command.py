"""`autonomy policy` as a person uses it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput
from runtime import threads
from tests.integration.application import opened, queued, started
from tests.integration.commands import CommandsHere


def test_rules_are_listed_and_a_broken_file_is_refused_with_its_line(home: Path, tmp_path: Path) -> None:
    autonomy = CommandsHere(home)
    listed = autonomy.read("policy", "check")
    assert {rule["id"] for rule in listed} >= {"irreversible-needs-person", "lockdown-only-reads"}
    broken = tmp_path / "acme.cedar"
    broken.write_text('\n@id("a") @says("x") forbid (principal, action, resource) when { context.colour == "red" };\n')
    done = autonomy("policy", "check", str(broken))
    assert done.returncode == 2 and done.stdout == ""
    assert f"{broken}:2: the rule does not fit the schema" in done.stderr and done.stderr.count("\n") == 1
    missing = autonomy("policy", "check", str(tmp_path / "missing.cedar"))
    assert missing.returncode == 2 and "No such file" in missing.stderr


async def test_a_broken_rule_in_force_is_refused_before_a_thread_is_taken_up(
    database_url: str, home: Path, tmp_path: Path
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await queued(app)
    (tmp_path / "acme.cedar").write_text('@id("a") @says("x") permit (principal, action, resource);')
    broken = "acme.cedar:1: the rule a permits everything"
    autonomy = CommandsHere(home, DATABASE_URL=database_url, AUTONOMY_POLICIES=str(tmp_path))
    worker = await asyncio.to_thread(autonomy, "worker")
    assert worker.returncode == 2 and broken in worker.stderr and worker.stderr.count("\n") == 1
    async with opened(database_url, home, AUTONOMY_POLICIES=str(tmp_path)) as app:
        with pytest.raises(BadInput, match=broken):
            await threads.advance(app, thread_id)
        with pytest.raises(BadInput, match=broken):
            await queued(app, "kanban vs scrum")
        [left] = await app.threads.newest(None, 10)
        assert (left["thread_id"], left["status"]) == (thread_id, "queued")
        assert (await app.threads.holder(thread_id)).owner is None


def test_cases_of_ones_own_are_tried_on_the_rules_in_force(home: Path, tmp_path: Path) -> None:
    autonomy = CommandsHere(home, AUTONOMY_POLICIES=str(tmp_path))
    assert autonomy("policy", "test").returncode == 0
    (tmp_path / "acme.cedar").write_text(
        '@id("no-mail") @says("we send no mail") forbid (principal, action, resource == Tool::"send_mail");'
    )
    unproved = autonomy("policy", "test")
    assert unproved.returncode == 1 and "No case makes no-mail fire" in unproved.stdout
    cases = tmp_path / "cases.yaml"
    cases.write_text("- {case: no mail, facts: {tool: send_mail}, expect: deny, rules: [no-mail]}\n")
    assert autonomy("policy", "test", str(cases)).returncode == 0
    cases.write_text("- {case: mail, facts: {tool: send_mail}, expect: allow}\n")
    wrong = autonomy("policy", "test", str(cases))
    assert wrong.returncode == 1 and "expected allow, came out as deny" in " ".join(wrong.stdout.split())


async def in_production(database_url: str, home: Path) -> tuple[str, dict[str, Any]]:
    """A thread that waits, and its policy checks by the action."""
    async with opened(database_url, home, AUTONOMY_ENVIRONMENT="production") as app:
        thread_id = await started(app)
        checks = [stored for stored in await app.threads.timeline(thread_id) if stored.kind == "policy_check"]
    return thread_id, {stored.body["action"]: stored for stored in checks}


def test_a_step_is_explained_by_its_rule_its_facts_and_what_would_have_passed(database_url: str, home: Path) -> None:
    thread_id, steps = asyncio.run(in_production(database_url, home))
    autonomy = CommandsHere(home, DATABASE_URL=database_url)
    explained = autonomy("policy", "explain", thread_id, str(steps["set_intent"].seq))
    said = " ".join(explained.stdout.split())
    assert explained.returncode == 0, explained.stderr
    assert "set_intent: review" in said and "suggest-needs-person (20-authority.cedar:8)" in said
    assert "approved yes instead of no" in said
    read = autonomy.read("policy", "explain", thread_id, str(steps["set_intent"].seq))
    assert read["event"]["facts"]["tier"] == "reversible" and read["now"]["outcome"] == "review"
    assert {"fact": "approved", "was": "no", "instead": "yes", "outcome": "allow"} in read["needs"]
    passed = autonomy("policy", "explain", thread_id, str(steps["search_serp"].seq))
    assert "It passed." in passed.stdout
    elsewhere = autonomy("policy", "explain", thread_id, "1")
    assert elsewhere.returncode == 2 and "#1 is no policy check of this thread. There are" in elsewhere.stderr
