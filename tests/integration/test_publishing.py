"""The main job with a language model behind real HTTP: from search results to a published file, gates in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import frontmatter
import pytest

from core.errors import BadInput, ModelError
from runtime import threads
from runtime.limits import of_thread
from runtime.replay.record import read
from runtime.replay.run import replay_record
from store.ledger import PostgresLedger
from tests.integration.application import DANA, answered, events, opened, started, waiting
from tests.integration.scripted import DECIDED, DRAFT, OUTLINE, PUBLISH, WHOLE_ARTICLE, endpoint, script


async def until(app: Any, thread_id: str, task_type: str) -> dict[str, Any]:
    """Approve everything up to a review of that type."""
    while (review := await waiting(app, thread_id))["task_type"] != task_type:
        await answered(app, thread_id)
    return review


async def test_four_decisions_and_the_publish_gate_lead_to_a_published_file(
    database_url: str, home: Path, llmock: Any, llmock_server: Any
) -> None:
    script(llmock, *WHOLE_ARTICLE)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        asked = []
        while (await app.threads.find(thread_id))["status"] == "waiting":
            asked.append((await waiting(app, thread_id))["task_type"])
            await answered(app, thread_id)
        assert (await app.threads.find(thread_id))["status"] == "done"
        gate = (await events(app, thread_id, "policy_check"))[-2:]
        calls = len(await events(app, thread_id, "decision"))
    assert asked == ["set_intent", "set_angle", "set_outline", "save_draft", "publish_content"]
    assert gate[0]["outcome"] == "review" and gate[0]["rules"] == ["irreversible-needs-person"]
    assert gate[1]["outcome"] == "allow" and gate[1]["approved_by"] == "dana"
    published = frontmatter.load(str(home / "content/tallyho/published/crm-for-startups.md"))
    assert published["title"] == OUTLINE["title"] and published["status"] == "published"
    assert "handover, not for the pipeline" in published.content
    assert len(llmock_server.state.scenarios.pending()) == 1
    assert calls == len(WHOLE_ARTICLE) + 2


async def test_publishing_runs_once_whatever_is_resumed_and_by_whom(database_url: str, home: Path, llmock: Any) -> None:
    script(llmock, *WHOLE_ARTICLE)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        await until(app, thread_id, "publish_content")
        assert not (home / "content/tallyho/published").exists()
        await answered(app, thread_id)
        async with app.pool.connection() as connection:
            rows = await (
                await connection.execute("select state, attempt from operation where tool = 'publish_content'")
            ).fetchall()
    assert rows == [{"state": "succeeded", "attempt": 1}]


async def test_a_no_to_publishing_ends_the_thread_with_its_draft(database_url: str, home: Path, llmock: Any) -> None:
    script(llmock, *WHOLE_ARTICLE)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        await until(app, thread_id, "publish_content")
        assert (await answered(app, thread_id, "reject", message="legal has to see it"))["status"] == "done"
    assert (home / "content/tallyho/drafts/crm-for-startups.md").exists()
    assert not (home / "content/tallyho/published").exists()


async def test_an_edited_title_is_what_is_published(database_url: str, home: Path, llmock: Any) -> None:
    script(llmock, *WHOLE_ARTICLE)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        await until(app, thread_id, "publish_content")
        await answered(app, thread_id, "edit", {"title": "Choose your CRM for the handover"})
    published = frontmatter.load(str(home / "content/tallyho/published/crm-for-startups.md"))
    assert published["title"] == "Choose your CRM for the handover"


async def test_an_article_that_a_person_edits_at_the_draft_is_saved_once_and_published(
    database_url: str, home: Path, llmock: Any
) -> None:
    script(llmock, *WHOLE_ARTICLE)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        asked = (await until(app, thread_id, "save_draft"))["request"]["action_requests"][0]["args"]["article_sha256"]
        [proposed] = (await app.artifacts.read("tallyho", [asked])).values()
        edited = proposed.replace("not for the pipeline", "not for the pipeline, said Dana")
        assert edited != proposed
        await answered(app, thread_id, "edit", texts={"article_sha256": edited})
        draft = frontmatter.load(str(home / "content/tallyho/drafts/crm-for-startups.md"))
        await answered(app, thread_id)
        assert (await app.threads.find(thread_id))["status"] == "done"
        calls = [body["action"] for body in await events(app, thread_id, "tool_call")]
        [outcome] = await rows(app, "select diff from outcome where answer = 'edit'")
        [kept] = await rows(app, "select source, trust from artifact where source = 'edited by dana'")
        replayed = await replay_record(app, await read(app, await app.threads.get(thread_id)))
    assert replayed.difference is None
    published = frontmatter.load(str(home / "content/tallyho/published/crm-for-startups.md"))
    assert draft.content == published.content == edited.strip()
    assert calls.count("save_draft") == 1 and calls[-1] == "publish_content"
    assert [(each["path"], each["words_added"]) for each in outcome["diff"]] == [("/article_sha256", 2)]
    assert kept["trust"] == "model"


async def test_only_a_text_that_a_proposal_names_can_be_rewritten(database_url: str, home: Path, llmock: Any) -> None:
    script(llmock, *WHOLE_ARTICLE)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        number = (await until(app, thread_id, "save_draft"))["number"]
        for name, text, problem in (
            ("slug", "evil", "slug of save_draft names no text that could be edited"),
            ("nothing", "x", "nothing of save_draft names no text"),
            ("article_sha256", " \n", "The text is empty"),
            ("article_sha256", "x" * 400_001, "at most 400,000 can be handed in"),
        ):
            with pytest.raises(BadInput, match=problem):
                await threads.decide(app, number, "edit", DANA, texts={name: text})
        with pytest.raises(BadInput, match="set by the system"):
            await threads.decide(app, number, "edit", DANA, arguments={"article_sha256": "0" * 64})
        assert (await waiting(app, thread_id))["state"] == "open"


async def rows(app: Any, statement: str) -> list[dict[str, Any]]:
    async with app.pool.connection() as connection:
        found: list[dict[str, Any]] = await (await connection.execute(statement)).fetchall()
        return found


async def test_the_second_thread_for_a_published_page_does_not_overwrite_it(
    database_url: str, home: Path, llmock: Any
) -> None:
    other = ("publish_content", {"title": "Another title", "description": "Other"})
    script(llmock, *WHOLE_ARTICLE, *WHOLE_ARTICLE[:-1], other, other, other, other, other)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        first = await started(app)
        await until(app, first, "publish_content")
        await answered(app, first)
        before = (home / "content/tallyho/published/crm-for-startups.md").read_bytes()
        second = await started(app)
        await until(app, second, "publish_content")
        await answered(app, second)
        failures = await events(app, second, "failure")
    assert failures[0]["class"] == "tool_refused" and "not done twice" in failures[0]["message"]
    assert (home / "content/tallyho/published/crm-for-startups.md").read_bytes() == before


async def test_a_question_of_the_agent_is_answered_and_taken_up(database_url: str, home: Path, llmock: Any) -> None:
    question = (
        "ask_human",
        {"question": "Whom is it for?", "why": "Two readers fit.", "options": ["founders", "sales"]},
    )
    script(llmock, question, *DECIDED)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        review = await waiting(app, thread_id)
        assert (review["kind"], review["request"]["action_requests"][0]["description"]) == (
            "question",
            "Whom is it for?",
        )
        await answered(app, thread_id, "respond", message="founders only")
        assert (await waiting(app, thread_id))["task_type"] == "set_intent"
    told = [part for call in llmock.requests for part in call.body["messages"] if "founders only" in str(part)]
    assert told


async def test_a_model_that_does_not_get_anywhere_reaches_a_person_after_five_attempts(
    database_url: str, home: Path, llmock: Any
) -> None:
    nonsense = [("set_intent", {"format": f"limerick {number}"}) for number in range(5)]
    script(llmock, *nonsense, *DECIDED)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        review = await waiting(app, thread_id)
        assert review["kind"] == "blocker"
        assert "5 proposals in a row came to nothing. The last reason: " in review["request"]["why"][0]
        await answered(app, thread_id, "respond", message="hand_back the format is one of the listed words")
        assert (await waiting(app, thread_id))["task_type"] == "set_intent"


async def test_a_thread_whose_tokens_are_used_up_asks_whether_it_may_go_on(
    database_url: str, home: Path, llmock: Any
) -> None:
    script(llmock, *DECIDED)
    async with opened(database_url, home, AUTONOMY_LIMITS='{"tokens": 45000}', **endpoint(llmock)) as app:
        thread_id = await started(app)
        review = await waiting(app, thread_id)
        assert (review["kind"], review["request"]["failure_class"]) == ("blocker", "limit_reached")
        assert "45000 of 45000 tokens of this thread left" in review["request"]["why"][0]
        assert llmock.requests == []
        await answered(app, thread_id, "respond", message="hand_back go on")
        assert (await waiting(app, thread_id))["task_type"] == "set_intent"
        [tokens] = [each for each in await of_thread(app, await app.threads.get(thread_id)) if each.name == "tokens"]
        assert tokens.used > 0 and tokens.reserved == 0 and tokens.granted == 45_000


async def test_a_blocked_thread_can_be_abandoned(database_url: str, home: Path, llmock: Any) -> None:
    script(llmock, *[("set_intent", {"format": "limerick"})] * 5)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        assert (await answered(app, thread_id, "respond", message="abandon"))["status"] == "stopped"


async def test_a_tool_that_was_not_offered_is_refused(database_url: str, home: Path, llmock: Any) -> None:
    script(llmock, PUBLISH, DRAFT, *DECIDED)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        denied = [body for body in await events(app, thread_id, "policy_check") if body["outcome"] == "deny"]
        assert [body["action"] for body in denied] == ["publish_content", "save_draft"]
        assert "was not offered" in denied[0]["reasons"][0]
        assert (await waiting(app, thread_id))["task_type"] == "set_intent"


async def test_a_refused_key_fails_the_thread_with_one_line_and_a_resume_goes_on(
    database_url: str, home: Path, llmock: Any
) -> None:
    llmock.fail(401, times=1)
    script(llmock, *DECIDED)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        with pytest.raises(ModelError, match="refused the key .401.: check OPENAI_API_KEY"):
            await started(app)
        [thread] = await app.threads.newest("failed", 5)
        assert (await threads.advance(app, thread["thread_id"]))["status"] == "waiting"
        fetched = await events(app, thread["thread_id"], "tool_result")
        assert [body["action"] for body in fetched] == ["search_serp", "fetch_pages"]


async def test_every_model_call_is_recorded_and_the_key_is_nowhere(database_url: str, home: Path, llmock: Any) -> None:
    script(llmock, *WHOLE_ARTICLE)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        named = {body["model_call"] for body in await events(app, thread_id, "decision") if body["model_call"]}
        async with app.pool.connection() as connection:
            rows = await (await connection.execute("select * from model_call order by started_at")).fetchall()
    assert [row["purpose"] for row in rows] == ["choose", "report"]
    assert named == {rows[0]["id"]}
    assert rows[0]["input_tokens"] and rows[0]["messages"] and rows[0]["answer"]
    assert "sk-test-key" not in str(rows)


async def test_a_thread_started_with_a_model_is_not_carried_on_without_one(
    database_url: str, home: Path, llmock: Any
) -> None:
    script(llmock, *DECIDED)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
    async with opened(database_url, home) as app:
        review = await waiting(app, thread_id)
        await threads.decide(app, review["number"], "approve", threads.Person("dana"))
        with pytest.raises(Exception, match="no OPENAI_API_KEY or OPENAI_BASE_URL is set"):
            await threads.advance(app, thread_id)
        assert (await app.threads.find(thread_id))["status"] == "waiting"


async def test_what_the_system_binds_is_not_the_models_to_say(database_url: str, home: Path, llmock: Any) -> None:
    evil = {"slug": "evil", "site": "https://evil.example", "article_sha256": "0" * 64}
    steps = [(name, {**given, **evil} if name == "publish_content" else given) for name, given in WHOLE_ARTICLE]
    script(llmock, *steps)
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        review = await until(app, thread_id, "publish_content")
        asked = review["request"]["action_requests"][0]["args"]
        assert (asked["slug"], asked["site"]) == ("crm-for-startups", "https://www.tallyho.example")
        assert asked["article_sha256"] != evil["article_sha256"]


async def test_a_crash_between_the_file_and_its_record_publishes_the_same_page_without_asking_again(
    database_url: str, home: Path, llmock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(llmock, *WHOLE_ARTICLE)
    page = home / "content/tallyho/published/crm-for-startups.md"
    async with opened(database_url, home, **endpoint(llmock)) as app:
        thread_id = await started(app)
        await until(app, thread_id, "publish_content")

        async def crash(*_: Any) -> None:
            raise RuntimeError("killed after the effect")

        with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="killed after the effect"):
            patched.setattr(PostgresLedger, "settle", crash)
            await answered(app, thread_id)
        written = page.read_bytes()
        assert (await threads.advance(app, thread_id))["status"] == "done"
        assert page.read_bytes() == written
        async with app.pool.connection() as connection:
            rows = await (
                await connection.execute("select state, fence, attempt from operation where tool = 'publish_content'")
            ).fetchall()
        asked = await events(app, thread_id, "review_requested")
    assert rows == [{"state": "succeeded", "fence": 2, "attempt": 2}]
    assert len(asked) == 5
