from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from runtime.arguments import as_yaml, edited, from_yaml

text = st.text(
    st.characters(exclude_categories=("Cs",)) | st.sampled_from("\n \t:-#'\"|>&*!%@`\u202e\u2028\x85\x00"), max_size=20
)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3))


@given(st.dictionaries(text, values, max_size=3))
def test_what_is_shown_reads_back_as_the_same_value(arguments: dict[str, Any]) -> None:
    assert from_yaml(as_yaml(arguments)) == arguments


@pytest.mark.parametrize(
    "word", ["5", "1e5", "0E0", "true", "null", "~", "no", "2026-01-01", "12:30", ".nan", "0x1f", ""]
)
def test_text_that_looks_like_something_else_stays_text(word: str) -> None:
    assert from_yaml(as_yaml({"title": word})) == {"title": word}


@pytest.mark.parametrize("word", ["no", "on", "2026-01-01", "12:30", ".nan", ".inf", "0x1f", "007", "1_000"])
def test_what_is_typed_has_only_the_types_of_json(word: str) -> None:
    assert from_yaml(f"title: {word}") == {"title": word}


def test_nothing_that_changes_what_is_seen_is_hidden_in_what_is_shown() -> None:
    shown = as_yaml({"path": "report\u202efdp.exe", "to": "a\u200bb\u2066"})
    assert "\\u202E" in shown and "\\u200B" in shown and "\\u2066" in shown
    assert not set(shown) & set("\u202e\u200b\u2066")


def test_long_text_is_shown_as_a_block() -> None:
    assert as_yaml({"markdown": "## One\n\nText.\n"}) == "markdown: |\n  ## One\n\n  Text.\n"


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("a: 1\nb: [", "Line 2: this is not YAML"),
        ("a: b: c", "Line 1: this is not YAML"),
        ("a: \x00", "This is not YAML"),
        ("a: &x [1]\nb: *x", "use a YAML alias"),
        ("a: !!python/object:os.system x", "Line 1: this is not YAML"),
        ("[" * 5_000, "nested too deeply"),
        ("- 1", "one argument a line"),
        ("1: 2", "one argument a line"),
        ("", "one argument a line"),
        ("x" * 2_000_001, "longer than 2,000,000"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(typed: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        from_yaml(typed)


def test_an_edit_cannot_drop_an_argument_unnoticed() -> None:
    assert edited("a: 2\nb: 1", {"a": 1, "b": 1}) == {"a": 2, "b": 1}
    with pytest.raises(BadInput, match="b is no longer there"):
        edited("a: 2", {"a": 1, "b": 1})
