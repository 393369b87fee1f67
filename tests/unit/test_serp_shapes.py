from __future__ import annotations

import json
from typing import Any

import pytest

from core.errors import BadInput
from tools.serp_shapes import MAX_BYTES, language, normalised_keyword, parse_serp, region, serp_text

KEYWORD, LOCALE = "crm for startups", "en-US"


def ours(**changes: Any) -> dict[str, Any]:
    result = {"position": 1, "url": "https://a.example/x", "title": "A", "snippet": "about A"}
    document = {"format": "autonomy-serp/1", "keyword": KEYWORD, "locale": LOCALE, "engine": "google"}
    return {**document, "fetched": "2026-10-30", "results": [result], **changes}


def results(*rows: dict[str, Any]) -> str:
    return json.dumps(ours(results=list(rows)))


def refused(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        parse_serp(text, KEYWORD, LOCALE)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_our_own_shape_is_read_whole() -> None:
    serp = parse_serp(json.dumps(ours(questions=["Why?"], related=["crm"])), KEYWORD, LOCALE)
    assert serp.to_json() == {
        "keyword": KEYWORD,
        "locale": LOCALE,
        "engine": "google",
        "label": "",
        "fetched": "2026-10-30",
        "snapshot": None,
        "results": [{"position": 1, "url": "https://a.example/x", "title": "A", "snippet": "about A"}],
        "questions": ["Why?"],
        "related": ["crm"],
    }


def test_serpapi_shape_is_recognised() -> None:
    document = {
        "search_metadata": {"created_at": "2026-10-01 08:00:00 UTC"},
        "search_parameters": {"engine": "google", "q": "CRM for  startups"},
        "organic_results": [{"position": 1, "title": "A", "link": "https://a.example", "snippet": "s"}],
        "related_questions": [{"question": "Do startups need a CRM?", "snippet": "…"}],
        "related_searches": [{"query": "free crm"}, {"block_position": 1}],
    }
    serp = parse_serp(json.dumps(document), KEYWORD, LOCALE)
    assert (serp.results[0].url, serp.fetched, serp.engine) == ("https://a.example", "2026-10-01", "google")
    assert (serp.questions, serp.related) == (("Do startups need a CRM?",), ("free crm",))
    assert serp.label == "Google through SerpAPI"


def test_serper_shape_is_recognised() -> None:
    document = {
        "searchParameters": {"q": KEYWORD, "gl": "us"},
        "organic": [{"title": "A", "link": "https://a.example", "snippet": "s", "position": 1}],
        "peopleAlsoAsk": [{"question": "Why?", "link": "https://b.example"}],
        "relatedSearches": [{"query": "free crm"}],
    }
    serp = parse_serp(json.dumps(document), KEYWORD, LOCALE, fetched="2026-11-01")
    assert (serp.questions, serp.related, serp.fetched) == (("Why?",), ("free crm",), "2026-11-01")


def test_a_file_cannot_point_into_the_bundled_samples() -> None:
    assert parse_serp(json.dumps(ours(snapshot="crm-for-startups")), KEYWORD, LOCALE).snapshot is None


def test_results_are_renumbered_when_a_position_is_missing_or_doubled() -> None:
    missing = results({"url": "https://a.example"}, {"url": "https://b.example", "position": 7})
    doubled = results({"url": "https://a.example", "position": 3}, {"url": "https://b.example", "position": 3})
    for text in (missing, doubled):
        assert [result.position for result in parse_serp(text, KEYWORD, LOCALE).results] == [1, 2]


def test_given_positions_are_kept_and_put_in_order() -> None:
    text = results({"url": "https://a.example", "position": 4}, {"url": "https://b.example", "position": 2})
    found = [(result.position, result.url) for result in parse_serp(text, KEYWORD, LOCALE).results]
    assert found == [(2, "https://b.example"), (4, "https://a.example")]


@pytest.mark.parametrize("position", [True, 0, -1, 10**30, "1", 1.0])
def test_an_impossible_position_counts_as_missing(position: object) -> None:
    text = results({"url": "https://a.example", "position": position})
    assert parse_serp(text, KEYWORD, LOCALE).results[0].position == 1


def test_duplicates_of_a_url_are_dropped_and_twenty_kept() -> None:
    rows = [{"url": f"https://{number}.example"} for number in range(30)]
    serp = parse_serp(results(rows[0], {"url": "https://0.example#:~:text=x"}, *rows[1:]), KEYWORD, LOCALE)
    assert [result.url for result in serp.results] == [row["url"] for row in rows[:20]]


def test_control_characters_and_lone_surrogates_are_taken_out_of_texts() -> None:
    serp = parse_serp('{"format":"autonomy-serp/1","results":[{"url":"https://a.example",'
                      '"title":"A\\u0000\\n\\u001b[31m B\\ud800"}]}', KEYWORD, LOCALE)  # fmt: skip
    assert serp.results[0].title == "A\ufffd [31m B\ufffd"


def test_right_to_left_and_emoji_titles_stay() -> None:
    serp = parse_serp(results({"url": "https://a.example", "title": "مرحبا 🚀"}), KEYWORD, LOCALE)
    assert serp.results[0].title == "مرحبا 🚀"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON: Expecting value at line 1, column 1"),
        ('{"a": 1,\n oops}', "at line 2, column 2"),
        ("[1]", "holds a JSON list"),
        ('"text"', "holds a JSON str"),
        ("[" * 100_000, "not usable JSON"),
        ('{"a":' + "[" * 700 + "]" * 700 + "}", "not usable JSON"),
        ("9" * 5_000, "not usable JSON"),
        ("{}", "shape is unknown"),
        ('{"hits": []}', "found hits"),
        ('{"format": "autonomy-serp/9"}', "'autonomy-serp/9'"),
        (json.dumps(ours(results=[])), "no results"),
        (json.dumps(ours(results={})), "no results"),
        ('{"organic": []}', "no results"),
        ('{"search_metadata": {}, "search_parameters": {}}', "no results"),
        (results({"url": "https://a.example"}, {"title": "B"}), "result 2 has no http(s) URL"),
        (results({"url": "javascript:alert(1)"}), "result 1 has no http(s) URL"),
        (results({"url": "file:///etc/passwd"}), "result 1 has no http(s) URL"),
        (results({"url": "https://["}), "result 1 has no http(s) URL"),
        (results({"url": "https://a.example/\u001b"}), "result 1 has no http(s) URL"),
        (json.dumps(ours(results=["https://a.example"])), "result 1 has no http(s) URL"),
        (json.dumps(ours(keyword="best crm")), "the file is for 'best crm', you asked for 'crm for startups'"),
        (json.dumps(ours(locale="de-DE")), "the file is for locale 'de-DE', you asked for 'en-US'"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_cause(text: str, says: str) -> None:
    assert says in refused(text)


def test_too_large_is_refused_before_parsing() -> None:
    assert "at most 5 MB" in refused(" " * (MAX_BYTES + 1))
    with pytest.raises(BadInput, match=r"5\.0 MB; search results have at most 5 MB"):
        serp_text(b"\xff" * (MAX_BYTES + 1))


def test_a_byte_order_mark_is_accepted_and_other_encodings_are_not() -> None:
    assert serp_text(b"\xef\xbb\xbf{}") == "{}"
    for data in ("{}".encode("utf-16"), '{"a":"é"}'.encode("latin-1")):
        with pytest.raises(BadInput, match="not UTF-8"):
            serp_text(data)


def test_keywords_are_equal_in_every_spelling() -> None:
    assert normalised_keyword("  ＣＲＭ for\u00a0 Startups\n") == normalised_keyword("crm for startups")
    assert normalised_keyword("crm") != normalised_keyword("crms")


def test_locales_are_taken_apart() -> None:
    assert [(language(name), region(name)) for name in ("en-US", "pt_BR", "de", "zh-Hant-TW", "zh-Hant")] == [
        ("en", "us"), ("pt", "br"), ("de", ""), ("zh", "tw"), ("zh", ""),
    ]  # fmt: skip
