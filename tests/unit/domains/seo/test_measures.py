from __future__ import annotations

from typing import Any

from core.canonical import sha256
from domains.seo.article import assemble, read_article
from domains.seo.measures import LOW, check, keyword_fit, originality
from tests.unit.domains.seo.walk import Bench, example_profile, small_bench, small_world

URL = "https://one.example/best/crm-tiny-teams"
QUOTE = "The median price was $24 per seat in our test of 41 tools."


def bench(*sections: str, citations: list[dict[str, str]] | None = None, **content: Any) -> Bench:
    """A thread with a written article of given sections."""
    made, outside = small_bench()
    made.walk_until("write_section", outside)
    position = next(each for each in example_profile()["positions"] if each["id"] == "second-crm")
    made.content["angle"] |= {"angle": position["claim"], "position_id": position["id"]}
    titles = [f"{number}. Option {number}" for number, _ in enumerate(sections, start=1)]
    planned = [{"heading": heading, "purpose": "p", "questions": []} for heading in titles]
    made.content["outline"] = {"title": "Best CRM for tiny teams: 5 picks", "sections": planned, "revision": 1}
    cited = [{"claim": QUOTE, "url": URL}] if citations is None else citations
    for index, markdown in enumerate(sections):
        made.content[f"section:{index}"] = {
            "index": index, "markdown": markdown, "citations": cited if index == 0 else [], "revision": 1,
        }  # fmt: skip
    made.content.update(content)
    return made


def good_sections() -> list[str]:
    position = next(each for each in example_profile()["positions"] if each["id"] == "second-crm")
    return [
        f"{position['claim']}. {position['evidence'][0]['what']}. Founders say deals go quiet because nobody remembers "
        "to follow up, and switching tools loses the notes, which were the valuable part.",
        "Tallyho exports all of it, so start there: [try it](https://www.tallyho.example/trial) or read about "
        f"[moving](https://www.tallyho.example/guides/moving-crm). One result says “{QUOTE}” [1]({URL}), which "
        "surprised us after two hundred interviews with people who had switched twice.",
        "Last, ask each vendor for a sample export before you pay a cent, and open the file on another machine to see "
        "whether the notes, the dates and the attachments have survived the journey.",
    ]


def says(made: Bench) -> list[str]:
    return [problem["says"] for problem in check(made.view)[0]["problems"]]


def test_a_good_article_has_no_problems_and_no_low_measure() -> None:
    result, article = check(bench(*good_sections()).view)
    assert result["problems"] == []
    assert min(result["intent_match"], result["own_angle"], result["relevance"]) >= 0.7
    assert result["article_sha256"] == sha256(article)
    assert result["citations"] == 1


def test_checking_twice_gives_the_same() -> None:
    made = bench(*good_sections())
    assert check(made.view) == check(made.view)


def test_another_format_than_decided_is_an_intent_problem() -> None:
    made = bench(*good_sections())
    made.content["intent"] = {**made.content["intent"], "format": "template"}
    result, _ = check(made.view)
    assert any("0 of 5 results are of the decided format" in text for text in says(made))
    assert any("read as a list" in text for text in says(made))
    assert result["intent_match"] < check(bench(*good_sections()).view)[0]["intent_match"]


def test_an_intent_that_the_results_do_not_show_is_a_problem() -> None:
    made = bench(*good_sections())
    elsewhere = {"informational": 0.0, "commercial": 0.0, "transactional": 0.0, "navigational": 1.0}
    made.content["intent"] = {**made.content["intent"], "distribution": elsewhere}
    assert any("is far from what the results show" in text for text in says(made))


def test_an_article_that_repeats_the_pages_has_no_angle_of_its_own() -> None:
    texts = [next(iter(texts.values())) for _, texts in small_world()[1] if texts]
    made = bench(*[text.replace("## ", "") for text in texts])
    result, _ = check(made.view)
    assert result["own_angle"] < LOW
    assert any("five-word runs are in the results" in text for text in says(made))
    assert any("hardly in the article's own words" in text for text in says(made))


def test_originality_is_the_share_of_new_word_runs() -> None:
    assert originality("a b c d e f", ["a b c d e f"]) == 0
    assert originality("a b c d e f", ["a b c d e x"]) == 0.5
    assert originality("short", ["short"]) == 1


def test_an_article_that_could_sell_nothing_has_no_relevance() -> None:
    made = bench(
        "Weather changes often in the mountains and walkers should carry a coat, water, bread, salt and a map. " * 3
    )
    result, _ = check(made.view)
    assert result["relevance"] < LOW
    assert {"No call to action is linked.", "No internal link is used.", "Tallyho is not mentioned."} <= set(says(made))


def test_a_keyword_that_the_profile_says_nothing_about_is_named() -> None:
    assert keyword_fit(example_profile(), "buy standing desk") == 0
    assert keyword_fit(example_profile(), "crm for startups") == 1
    assert keyword_fit(example_profile(), "客户管理") == 0


def test_forbidden_claims_and_avoided_words_are_found_in_our_words_only() -> None:
    good = good_sections()
    made = bench(good[0], good[1] + " Tallyho is the best CRM. It is a seamless game-changer.", good[2])
    found = says(made)
    assert any("A forbidden claim is made: “Tallyho is the best CRM.”" in text for text in found)
    assert any("“seamless” is used 1 time" in text for text in found)
    assert check(made.view)[0]["relevance"] <= 0.5


def test_citations_that_lead_nowhere_are_named() -> None:
    citations = [
        {"claim": "x", "url": "https://elsewhere.example/"},
        {"claim": "x", "url": "https://five.example/news/crm"},
        {"claim": "It was 99 per seat", "url": URL},
    ]
    good = good_sections()
    made = bench(
        good[0],
        good[1] + " See [this](https://evil.example/x) and [that](javascript:alert).",
        good[2],
        citations=citations,
    )
    found = " ".join(says(made))
    assert "cites https://elsewhere.example/, which is not among the results" in found
    assert "cites https://five.example/news/crm, which could not be read" in found
    assert f"cites {URL} for the figure 99, which is not in it" in found
    assert "links to https://evil.example/x, which is neither" in found


def test_a_quote_that_is_in_no_page_is_named_and_one_with_other_marks_is_not() -> None:
    good = good_sections()
    invented = "> Nine out of ten founders regret their very first tool. [1](" + URL + ")"
    made = bench(good[0] + "\n\n" + invented, good[1], good[2])
    assert any(text.startswith("The quote “Nine out of ten founders") for text in says(made))
    restyled = bench(
        good[0] + f"\n\n> *The median price was $24 per seat in our test of 41 tools.* [1]({URL})", good[1], good[2]
    )
    assert says(restyled) == []


def test_missing_short_and_repeated_parts_are_named() -> None:
    good = good_sections()
    made = bench(good[0], "Too short.", good[0], good[2])
    del made.content["section:3"]
    found = " ".join(says(made))
    assert "has fewer than 25 words" in found
    assert "repeats a paragraph of section 1" in found
    assert "“4. Option 4”, is missing" in found


def test_an_article_without_decisions_or_profile_is_measured_as_zero_not_refused() -> None:
    made = bench(*good_sections())
    for name in ("intent", "angle", "profile"):
        del made.content[name]
    result, _ = check(made.view)
    assert (result["intent_match"], result["own_angle"], result["relevance"]) == (0, 0, 0)


def test_the_article_is_its_sections_under_their_headings_and_its_sources() -> None:
    outline = {"title": "T\nx", "sections": [{"heading": "One"}, {"heading": "Two"}, {"heading": "Three"}]}
    sections = {
        0: {
            "markdown": "## One\n\nText\x00.\n\n## Sub\n\n```\n# not a heading\n```",
            "citations": [{"url": "https://a.example/"}],
        },
        1: {"markdown": "More.", "citations": [{"url": "https://a.example/"}]},
    }
    assert assemble(outline, sections) == (
        "# T x\n\n## One\n\nText\ufffd.\n\n### Sub\n\n```\n# not a heading\n```\n\n## Two\n\nMore.\n\n## Three\n\n"
        "## Sources\n\n- <https://a.example/>\n"
    )


def test_quotes_links_and_own_words_are_told_apart() -> None:
    article = read_article("# T\n\nOwn words [3](https://a.example/).\n\n> Their words here. [1](https://b.example/)\n")
    assert article.headings == ("T",)
    assert article.own == ("Own words .",)
    assert [(quote.text, quote.urls) for quote in article.quotes] == [("Their words here.", ("https://b.example/",))]
    assert article.links == ("https://a.example/", "https://b.example/")
