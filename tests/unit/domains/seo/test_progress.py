from __future__ import annotations

from typing import Any

from core.domain import View
from domains.seo.progress import next_actions

SECTION = {"markdown": "x", "citations": []}
OUTLINE = {"title": "t", "sections": [{"heading": str(n)} for n in range(3)]}
GOOD: dict[str, Any] = {"article_sha256": "a", "problems": []}
BAD: dict[str, Any] = {"article_sha256": "a", "problems": [{"measure": "angle", "says": "x"}]}
RESEARCHED: dict[str, Any] = {"serp": {}, "pages": {}}
DECIDED = {**RESEARCHED, "intent": {}, "angle": {}, "outline": OUTLINE}
WRITTEN = {**DECIDED, "section:0": SECTION, "section:1": SECTION, "section:2": SECTION}


def after(content: dict[str, Any], **more: Any) -> tuple[str, ...]:
    return next_actions(View({"model": "gpt"}, content, **more))


def test_each_step_follows_from_what_is_there() -> None:
    assert after({}) == ("search_serp",)
    assert after({"serp": {}}) == ("fetch_pages",)
    assert after(RESEARCHED) == ("set_intent", "ask_human")
    assert after({**RESEARCHED, "intent": {}}) == ("set_angle", "ask_human")
    assert after({**RESEARCHED, "intent": {}, "angle": {}}) == ("set_outline", "ask_human")
    assert after(DECIDED) == ("write_section", "ask_human")
    assert after({**DECIDED, "section:0": SECTION, "section:2": SECTION}) == ("write_section", "ask_human")
    assert after(WRITTEN) == ("check_article", "ask_human")
    assert after({**WRITTEN, "check": GOOD}) == ("save_draft", "ask_human")
    assert after({**WRITTEN, "check": GOOD, "draft": {"article_sha256": "a"}}) == ("publish_content",)
    assert after({**WRITTEN, "check": GOOD, "draft": {"article_sha256": "a"}, "published": {}}) == ()


def test_problems_are_revised_twice_and_then_judged_by_a_person() -> None:
    for revision in (0, 1):
        content = {**WRITTEN, "check": BAD, "revision": {"revision": revision}}
        assert after(content) == ("revise_article", "save_draft", "ask_human")
    assert after({**WRITTEN, "check": BAD, "revision": {"revision": 2}}) == ("save_draft", "ask_human")


def test_a_draft_that_a_person_sends_back_may_be_revised_once_more() -> None:
    back = ({"kind": "rejected", "action": "save_draft", "reasons": [], "message": "too generic"},)
    content = {**WRITTEN, "check": GOOD, "revision": {"revision": 2}}
    assert after(content, feedback=back) == ("revise_article", "save_draft", "ask_human")
    assert after({**content, "revision": {"revision": 3}}, feedback=back) == ("save_draft", "ask_human")


def test_a_draft_of_an_earlier_article_is_saved_again() -> None:
    assert after({**WRITTEN, "check": GOOD, "draft": {"article_sha256": "old"}}) == ("save_draft", "ask_human")
    assert after({**WRITTEN, "check": GOOD, "draft": {"article_sha256": "a"}}) == ("publish_content",)


def test_a_draft_of_what_a_person_made_of_the_article_is_not_saved_again() -> None:
    content = {**WRITTEN, "check": GOOD, "draft": {"article_sha256": "edited"}}
    assert after(content, hashes={"article": "edited"}) == ("publish_content",)


def test_a_final_no_to_publishing_ends_the_work() -> None:
    assert after({**WRITTEN, "check": GOOD, "draft": {"article_sha256": "a"}}, declined=("publish_content",)) == ()


def test_a_research_pack_is_never_offered_for_publishing() -> None:
    content = {**WRITTEN, "check": GOOD, "draft": {"article_sha256": "a"}}
    assert next_actions(View({"model": "offline-extractive"}, content)) == ()
