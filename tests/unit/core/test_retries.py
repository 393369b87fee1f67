from __future__ import annotations

import pytest

from core.errors import ModelError, ToolError
from core.retries import LONGEST_NAP, POSTPONEMENTS, postponement, worth_a_nap


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (ToolError("later", "transient"), True),
        (ToolError("later", "transient", 0.25), 0.25),
        (ToolError("later", "transient", 0), 0.0),
        (ToolError("later", "transient", LONGEST_NAP), LONGEST_NAP),
        (ToolError("much later", "transient", LONGEST_NAP + 0.1), False),
        (ToolError("no", "tool_refused"), False),
        (ModelError("down", "model_unavailable"), False),
        (KeyError("bug"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_a_run_waits_for_what_passes_soon_and_for_nothing_else(error: BaseException, waits: bool | float) -> None:
    found = worth_a_nap(error, "transient")
    assert found == waits and isinstance(found, bool) == isinstance(waits, bool)


def test_a_thread_is_postponed_a_bounded_number_of_times_and_as_long_as_it_was_asked() -> None:
    assert [postponement(times, None) for times in range(6)] == [*POSTPONEMENTS, None]
    assert (postponement(0, 30.0), postponement(1, 30.0), postponement(0, 1e9)) == (30.0, 60.0, POSTPONEMENTS[-1])
