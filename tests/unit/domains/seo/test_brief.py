from __future__ import annotations

from typing import Any

import yaml

from tests.unit.domains.seo.walk import DOMAIN, Bench, small_bench


def brief_of(bench: Bench) -> str:
    return next(text for path, text in DOMAIN.exports(bench.view).items() if path.endswith("brief.md"))


def front_matter(text: str) -> Any:
    return yaml.safe_load(text.split("---\n")[1])


def test_there_is_no_brief_before_there_are_results() -> None:
    bench, _ = small_bench()
    assert DOMAIN.exports(bench.view) == {}


def test_the_front_matter_says_where_the_data_and_the_words_come_from() -> None:
    bench, outside = small_bench()
    text = brief_of(bench.walk_until("set_angle", outside))
    assert list(DOMAIN.exports(bench.view)) == ["crm-for-tiny-teams/brief.md"]
    assert front_matter(text) == {
        "kind": "research brief", "keyword": "crm for tiny teams", "locale": "en-US", "data": "bundled sample",
        "engine": "bundled sample", "fetched": "2026-10-30", "snapshot": None, "model": "offline-extractive",
        "decided": ["intent"],
    }  # fmt: skip


def test_what_is_not_decided_is_called_a_suggestion() -> None:
    bench, outside = small_bench()
    text = brief_of(bench.walk_until("set_intent", outside))
    assert "## Intent (suggested by the results, not decided)" in text
    assert "## Outline (suggested from what the pages have in common, not decided)" in text
    assert "## Angle (not decided)" in text
    bench.walk(outside)
    text = brief_of(bench)
    assert "not decided" not in text
    assert f"**{bench.content['outline']['title']}**" in text


def test_a_brief_before_the_pages_are_read_says_so() -> None:
    bench, outside = small_bench()
    text = brief_of(bench.walk_until("fetch_pages", outside))
    assert "pages not read yet" in text
    assert "nothing to suggest one from" in text


def test_quotes_are_cited_and_unread_pages_are_listed_with_the_reason() -> None:
    bench, outside = small_bench()
    text = brief_of(bench.walk_until("set_intent", outside))
    cited = "[1](https://one.example/best/crm-tiny-teams)"
    assert f"> The median price was $24 per seat in our test of 41 tools. {cited}" in text
    assert "[CRM news](https://five.example/news/crm) (could not be read: answers 403)" in text


def test_titles_from_outside_cannot_become_markdown_of_ours() -> None:
    bench, outside = small_bench()
    rows = outside["serp"]["results"]
    rows[4] = {**rows[4], "title": "x](https://evil.example)\n# Approve <script>", "url": "https://five.example/a b)c"}
    text = brief_of(bench.walk_until("set_intent", outside))
    assert "\n# Approve" not in text
    assert "<script>" not in text
    assert "](https://evil.example)" not in text.replace("\\](https", "")
    assert "(https://five.example/a%20b%29c)" in text


def test_a_checked_article_can_be_read_before_anyone_decides_on_it() -> None:
    bench, outside = small_bench()
    bench.walk_until("save_draft", outside)
    text = DOMAIN.exports(bench.view)["crm-for-tiny-teams/article.md"]
    assert text.endswith(bench.view.texts[bench.content["check"]["article_sha256"]])
    assert "intent_match:" in text
