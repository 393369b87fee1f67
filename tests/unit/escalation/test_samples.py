from __future__ import annotations

from core.domain import PromptMessage
from core.vocabulary import Risk, members
from escalation.samples import NONE, WAYS, asked


def test_a_riskier_step_draws_no_fewer_samples_and_a_low_one_pays_for_none() -> None:
    assert set(WAYS) == set(NONE) == set(members(Risk))
    assert [len(WAYS[risk]) for risk in ("low", "normal", "high")] == [0, 2, 4]


def test_only_the_order_of_the_material_changes() -> None:
    messages = [PromptMessage("system", "s"), PromptMessage("material", "1"), PromptMessage("task", "t")]
    messages += [PromptMessage("material", "2"), PromptMessage("feedback", "f")]
    assert [message.text for message in asked("reversed", messages)] == ["s", "2", "t", "1", "f"]
    assert asked("again", messages) == messages
