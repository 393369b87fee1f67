from __future__ import annotations

import pytest

from core.errors import BadInput
from runtime.people import review_number


@pytest.mark.parametrize("given", ["r-41", " R-41 ", "41"])
def test_a_review_is_named_as_in_a_link(given: str) -> None:
    assert review_number(given) == 41


@pytest.mark.parametrize("given", ["", "r-", "-1", "four", "²", "9" * 16])
def test_anything_else_is_no_review(given: str) -> None:
    with pytest.raises(BadInput, match="is not a review"):
        review_number(given)
