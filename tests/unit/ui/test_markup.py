from __future__ import annotations

from ui.markup import element, joined


def test_text_is_escaped_and_markup_of_ours_is_not() -> None:
    made = element("p", "<b>&", element("em", "'\""), css='x" onclick="y')
    assert made == ('<p class="x&quot; onclick=&quot;y">&lt;b&gt;&amp;<em>&#x27;&quot;</em></p>')


def test_what_an_operation_on_markup_gives_is_text_again() -> None:
    assert joined(element("b", "x") + "<i>") == "&lt;b&gt;x&lt;/b&gt;&lt;i&gt;"


def test_characters_that_cannot_be_seen_become_visible() -> None:
    assert joined("a\u202eb\x00c\ud800d\te\nf") == "a\ufffdb\ufffdc\ufffdd\te\nf"


def test_attribute_names_are_spelled_as_html_does() -> None:
    assert element("i", aria_hidden="true") == '<i aria-hidden="true"></i>'
