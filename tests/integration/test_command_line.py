from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.commands import Commands, CommandsHere
from tests.integration.scripted import MODEL, WHOLE_ARTICLE, endpoint, script


@pytest.fixture
def autonomy(database_url: str, home: Path) -> CommandsHere:
    home.parent.mkdir(parents=True, exist_ok=True)
    return CommandsHere(home, DATABASE_URL=database_url)


@pytest.fixture
def processes(autonomy: CommandsHere) -> Commands:
    """The same commands, each in a process of its own."""
    return Commands(autonomy.home, **autonomy.environment)


def one_line(done: Any, code: int) -> str:
    """The error of a command: its exit code, one line, no traceback, nothing on standard output."""
    assert done.returncode == code, (done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return str(lines[0])


def test_run_decide_and_show_each_in_a_process_of_its_own(autonomy: CommandsHere, processes: Commands) -> None:
    done = processes("run", "crm for startups", "--as", "sam")
    assert done.returncode == 0, done.stderr
    assert "model: offline-extractive, because no OPENAI_API_KEY is set" in done.stdout
    assert "search: bundled sample for this keyword" in done.stdout
    assert "Why you are asked" in done.stdout and "autonomy decide r-1 approve" in done.stdout

    [review] = autonomy.read("inbox")
    assert (review["review_id"], review["status"], review["task_type"]) == ("r-1", "waiting", "set_intent")
    edit = autonomy.home.parent / "edit.yaml"
    edit.write_text("format: guide\n")
    decided = processes.read("decide", "r-1", "edit", "--args", str(edit), "--as", "dana")
    assert decided["review_id"] == "r-2"

    shown = processes.read("show", review["thread_id"][:4])
    assert shown["thread_id"] == review["thread_id"] and shown["chain_broken_at"] is None
    assert "review r-1: edit" in [event["what"] for event in shown["events"]]
    whys = {event["what"]: event["why"] for event in shown["events"]}
    assert "no format has a majority" in whys["set_intent proposed"] and "model call" in whys["set_intent proposed"]
    threads = autonomy.read("threads", "--status", "waiting")
    assert [row["thread_id"] for row in threads] == [review["thread_id"]]
    assert "already decided: edit, by dana" in one_line(autonomy("decide", "r-1", "approve"), 2)


def test_a_decision_without_waiting_is_carried_on_by_resume(autonomy: CommandsHere) -> None:
    started = autonomy.read("run", "kanban vs scrum")
    decided = autonomy.read("decide", started["review_id"], "approve", "--no-wait")
    assert decided["status"] == "waiting"
    resumed = autonomy.read("resume", started["thread_id"])
    assert (resumed["status"], resumed["review_id"]) == ("waiting", "r-2")


def test_help_lists_every_command_and_doctor_says_what_is_missing(autonomy: CommandsHere, processes: Commands) -> None:
    text = processes("--help").stdout
    for command in ("run", "inbox", "decide", "resume", "threads", "show", "db", "doctor"):
        assert command in text
    findings = {row["part"]: row for row in json.loads(processes("doctor", "--json").stdout)}
    assert findings["model"]["status"] == "limited" and "OPENAI_API_KEY" in findings["model"]["fix"]
    assert findings["database"]["status"] == "ok" and findings["vectors"]["status"] == "ok"
    broken = autonomy("doctor", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert broken.returncode == 1 and "does not answer" in broken.stdout
    assert "offline-extractive" in broken.stdout and "Chroma in" in broken.stdout


@pytest.mark.parametrize(
    ("keyword", "cause"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("x" * 10_000, "10000 characters"),
        ("crm\x1b[31m", "invisible character U+001B"),
        ("\u202ecrm", "text-direction"),
        ("underwater basket weaving", "Set SERPER_API_KEY"),
        ("🧶 كروشيه", "No search results"),
    ],
)
def test_a_keyword_that_cannot_be_used_is_one_line_and_leaves_nothing(
    autonomy: CommandsHere, keyword: str, cause: str
) -> None:
    assert cause in one_line(autonomy("run", keyword), 2)
    assert autonomy.read("threads") == []


def test_an_unknown_keyword_lists_what_is_bundled(autonomy: CommandsHere) -> None:
    line = one_line(autonomy("run", "underwater basket weaving"), 2)
    for known in ("crm for startups", "kanban vs scrum", "ledgerly login"):
        assert known in line
    assert "--serp FILE" in line


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("not json", "JSON"),
        ("[]", ""),
        (
            '{"format": "autonomy-serp/1", "keyword": "crm for startups", "locale": "en-US", "results": []}',
            "no results",
        ),
        ('{"hello": 1}', ""),
    ],
)
def test_a_serp_file_that_cannot_be_used_is_one_line(autonomy: CommandsHere, text: str, cause: str) -> None:
    path = autonomy.home.parent / "serp.json"
    path.write_text(text)
    line = one_line(autonomy("run", "crm for startups", "--serp", str(path)), 2)
    assert "serp.json" in line and cause in line
    assert "cannot be read" in one_line(autonomy("run", "crm for startups", "--serp", "/nowhere.json"), 2)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (("company: Tallyho Ltd\n", ""), "company is missing"),
        (("site: https://www.tallyho.example", "site: 7"), "site"),
        (("id: tallyho", "id: [tally, ho]"), "id"),
        (("id: tallyho", "id: {"), "YAML"),
    ],
)
def test_a_profile_that_cannot_be_used_is_one_line(autonomy: CommandsHere, change: tuple[str, str], cause: str) -> None:
    from runtime import seo

    path = autonomy.home.parent / "profile.yaml"
    text = seo.bundled_profile().read_text()
    assert change[0] in text
    path.write_text(text.replace(*change, 1))
    line = one_line(autonomy("run", "crm for startups", "--profile", str(path)), 2)
    assert "profile.yaml" in line and cause in line


@pytest.mark.parametrize(
    ("arguments", "code", "cause"),
    [
        (("resume", "nosuchthread"), 2, "no thread 'nosuchthread'"),
        (("show", ""), 2, "empty"),
        (("decide", "r-999", "approve"), 2, "no review r-999"),
        (("decide", "x'; drop table review", "approve"), 2, "not a review"),
        (("run", "crm for startups", "--locale", "english"), 2, "locale"),
    ],
)
def test_bad_arguments_are_one_line(autonomy: CommandsHere, arguments: tuple[str, ...], code: int, cause: str) -> None:
    assert cause in one_line(autonomy(*arguments), code)


def test_no_database_is_one_line_without_the_password(autonomy: CommandsHere) -> None:
    url = "postgresql://dana:hunter2@127.0.0.1:1/none"
    line = one_line(autonomy("inbox", DATABASE_URL=url), 1)
    assert "127.0.0.1:1 does not answer" in line and "hunter2" not in line


def test_a_setting_out_of_range_is_named(autonomy: CommandsHere) -> None:
    assert "AUTONOMY_MODEL_TIMEOUT" in one_line(autonomy("threads", AUTONOMY_MODEL_TIMEOUT="soon"), 2)
    assert "AUTONOMY_ENVIRONMENT" in one_line(autonomy("threads", AUTONOMY_ENVIRONMENT="prod"), 2)


def test_a_bug_of_ours_is_one_line_and_its_traceback_is_kept(autonomy: CommandsHere) -> None:
    started = autonomy.read("run", "crm for startups")
    with psycopg.connect(autonomy.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("update thread set task = '{}'")
        connection.execute("delete from checkpoints")
    line = one_line(autonomy("decide", started["review_id"], "approve"), 1)
    assert line.startswith("A bug of ours: KeyError. Threads are safe.")
    kept = Path(line.rpartition(" ")[2])
    assert "Traceback" in kept.read_text()
    kept.unlink()


def test_a_content_folder_that_cannot_be_written_loses_nothing(autonomy: CommandsHere, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    line = one_line(autonomy("run", "crm for startups", "--json", AUTONOMY_CONTENT_DIR=str(blocked / "content")), 1)
    assert "cannot be written" in line
    [thread] = autonomy.read("threads")
    assert thread["status"] == "waiting"


def test_from_keyword_to_published_file_with_an_edit_in_another_process(
    autonomy: CommandsHere, processes: Commands, llmock: Any
) -> None:
    script(llmock, *WHOLE_ARTICLE)
    for each in (autonomy, processes):
        each.environment |= endpoint(llmock)
    edit = autonomy.home.parent / "edit.json"
    edit.write_text('{"angle": "Choose the CRM that keeps promises"}')
    said = processes.read("run", "crm for startups")
    assert said["model"] == MODEL
    while said["status"] == "waiting":
        [review] = autonomy.read("inbox")
        if review["task_type"] == "set_angle":
            said = processes.read("decide", review["review_id"], "edit", "--args", str(edit))
        else:
            said = autonomy.read("decide", review["review_id"], "approve")
    assert said["status"] == "done"
    published = (autonomy.home / "content/tallyho/published/crm-for-startups.md").read_text()
    assert "status: published" in published and "handover, not for the pipeline" in published
    brief = (autonomy.home / "content/tallyho/crm-for-startups/brief.md").read_text()
    assert "Choose the CRM that keeps promises" in brief


def test_a_refused_key_is_one_line_that_says_how_to_go_on(autonomy: CommandsHere, llmock: Any) -> None:
    llmock.fail(401, times=1)
    script(llmock, *WHOLE_ARTICLE)
    autonomy.environment |= endpoint(llmock)
    line = one_line(autonomy("run", "crm for startups", "--json"), 1)
    [thread] = autonomy.read("threads", "--status", "failed")
    assert "refused the key (401): check OPENAI_API_KEY" in line
    assert f"autonomy resume {thread['thread_id']}" in line
    assert autonomy.read("resume", thread["thread_id"])["status"] == "waiting"
