from __future__ import annotations

import pytest
import streamlit as st

from ui import drafts, editing


@pytest.mark.parametrize("left", [{}, {"sent-7": True}, {"sent-7": True, "typed-7-mode": "As text"}])
def test_a_widget_that_tells_of_itself_after_everything_was_sent_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, left: dict[str, object]
) -> None:
    state = dict(left)
    monkeypatch.setattr(st, "session_state", state)
    drafts.keep(7, "mode")
    editing._switched({"number": 7})
    assert state == left
