"""Articles and their differences, as pages show them."""

from __future__ import annotations

from datetime import UTC, datetime

from runtime.inbox import batch_number, parameters, searched
from ui.diffs import LONGEST, diff
from ui.rendering import article

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_an_article_keeps_its_structure_and_loses_everything_that_acts() -> None:
    drawn = article(
        "# Title\n\n- **bold** and [words](https://evil.example/x)\n\n![pic](https://evil.example/p.png)\n\n"
        "<script>alert(1)</script>\n\n[run](javascript:alert(1)) <img src=x onerror=alert(1)>\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |"
    )
    assert "<h3>Title</h3>" in drawn and "<strong>bold</strong>" in drawn and "<td>1</td>" in drawn
    assert "https://evil.example/x" in drawn and "[picture: pic, https://evil.example/p.png]" in drawn
    for acting in ("<a ", "<img", "<script", 'href="', 'src="'):
        assert acting not in drawn
    assert "&lt;script&gt;" in drawn and "&lt;img src=x onerror=alert(1)&gt;" in drawn


def test_a_difference_is_marked_within_its_line_and_counted() -> None:
    found = diff("one\ntwo <b>\nthree\n", "one\ntwo <i>\nthree\nfour\n")
    assert found is not None and found.lines == 2
    assert "<del>b</del>" in found.html and "<ins>i</ins>" in found.html
    assert "<b>" not in found.html
    assert diff("x" * (LONGEST + 1), "y") is None


def test_a_search_is_made_of_words_that_begin_so() -> None:
    assert searched("CRM set_angle'; drop") == "CRM:* & set:* & angle:* & drop:*"
    assert searched("&|!()") is None


def test_filters_come_from_an_address_and_mean_what_they_say() -> None:
    given = parameters({"assignee": "me", "batch": "b-7", "age": "over 4 h", "task_type": ""}, "dana", NOW, None, 26)
    assert (given["assignee"], given["batch"], given["hours"], given["task_type"]) == ("dana", 7, 4, None)
    assert parameters({"assignee": "nobody"}, "dana", NOW, None, 26)["assignee"] == ""
    assert batch_number("7; drop") == 0
