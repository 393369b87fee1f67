"""A request that this release cannot present is refused, and said to be."""

from __future__ import annotations

from typing import Any

import pytest

from core.reviews import unreadable

READABLE: dict[str, Any] = {
    "action_requests": [{"name": "set_intent", "args": {}, "description": ""}],
    "review_configs": [{"action_name": "set_intent", "allowed_decisions": ["approve", "respond"]}],
    "kind": "action",
    "why": [],
    "approving_will": "",
    "evidence": [],
}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": 2}, "of version 2"),
        ({"kind": "vote"}, "no review of kind vote"),
        ({"why": None}, "no why"),
        ({"why": [{"en": "x"}]}, "the parts of its why are none"),
        ({"evidence": ["x"]}, "the parts of its evidence are none"),
        ({"claims": [1]}, "the parts of its claims are none"),
        ({"score": {"total": "high"}}, "the parts of its score are none"),
        ({"action_requests": []}, "exactly one action"),
        ({"action_requests": [{"name": "x", "args": [], "description": ""}]}, "no arguments"),
        ({"review_configs": [{"allowed_decisions": ["veto"]}]}, "answers that this release does not have"),
        ({"review_configs": [{}]}, "answers that this release does not have"),
    ],
)
def test_what_cannot_be_read_is_named(change: dict[str, Any], why: str) -> None:
    assert unreadable(READABLE) == ""
    assert why in unreadable(READABLE | change)
    assert unreadable("x") == "the request is no object"
