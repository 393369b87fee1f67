from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.controls import InForce
from core.vocabulary import Authority
from policy.authority import ORDER, composed, moved
from runtime.authorities import level_in


@given(st.sampled_from(ORDER), st.sampled_from([None, *ORDER]))
def test_a_setting_only_ever_lowers(allowed: Authority, setting: Authority | None) -> None:
    level = composed(InForce(allowed, ("because",), certified=True, threshold=0.2), setting)
    assert ORDER.index(level.level) <= ORDER.index(allowed)
    assert level.level == min(allowed, setting or allowed, key=ORDER.index)
    assert level.reasons == ("because",) or "AUTONOMY_AUTHORITY" in level.reasons[0]
    assert (level.certified, level.threshold) == (True, 0.2)


@pytest.mark.parametrize(("task_type", "level"), [("save_draft", "observe"), ("set_intent", "suggest")])
def test_a_task_types_own_level_goes_before_that_of_all(task_type: str, level: str) -> None:
    setting: dict[str, Authority] = {"*": "suggest", "save_draft": "observe"}
    assert level_in("local", setting, task_type).level == level


def test_what_has_changed_since_the_last_look() -> None:
    now = {"a": InForce("suggest"), "b": InForce("execute"), "c": InForce("observe")}
    found = moved({"a": "execute", "b": "execute"}, now)
    assert [(each.level, each.was) for each in found] == [("suggest", {"a": "execute"}), ("observe", {"c": None})]
