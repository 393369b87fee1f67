from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.canonical import canonical_json, sha256, storable

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
    max_leaves=10,
)


@given(anything)
def test_whatever_comes_in_can_be_stored_and_hashed(value: object) -> None:
    stored = storable(value)
    text = canonical_json(stored)
    assert "\\u0000" not in text and "\x00" not in text
    text.encode("utf-8")
    assert sha256(json.loads(text)) == sha256(stored)


def test_key_order_does_not_matter_and_values_do() -> None:
    assert sha256({"a": 1, "b": 2}) == sha256({"b": 2, "a": 1})
    assert sha256({"a": 1}) != sha256({"a": 2})


def test_a_hash_of_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant|Out of range"):
        canonical_json(math.nan)
