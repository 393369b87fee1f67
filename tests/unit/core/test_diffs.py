from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.canonical import canonical_json
from core.diffs import changes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=3), JSON, max_size=4)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"a": 1}, {"a": 2}, [{"path": "/a", "change": "changed", "was": 1, "is": 2}]),
        ({"a": 1}, {}, [{"path": "/a", "change": "removed", "was": 1}]),
        ({}, {"a/b": [1]}, [{"path": "/a~1b", "change": "added", "is": [1]}]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, [{"path": "/a/0/b", "change": "changed", "was": 1, "is": 2}]),
        ({"a": 1}, {"a": True}, [{"path": "/a", "change": "changed", "was": 1, "is": True}]),
    ],
)
def test_a_change_is_told_by_its_path(before: dict[str, Any], after: dict[str, Any], told: list[Any]) -> None:
    assert changes(before, after) == told


def test_a_long_text_is_told_by_its_sections_and_words() -> None:
    before = "Opening words.\n\n## Price\n\n" + "It costs nine euros. " * 20 + "\n\n## Terms\n\nNone."
    [told] = changes({"markdown": before}, {"markdown": before.replace("nine", "ten").replace("None", "Many")})
    assert told == {
        "path": "/markdown", "change": "changed", "words_removed": 21, "words_added": 21,
        "sections": ["Price", "Terms"],
    }  # fmt: skip


@given(OBJECTS, OBJECTS)
def test_what_is_equal_has_no_changes_and_what_differs_has_some(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert changes(before, before) == []
    assert bool(changes(before, after)) == (canonical_json(before) != canonical_json(after))
