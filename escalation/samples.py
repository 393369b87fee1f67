"""How many further samples of a decision are drawn, and which, by risk class. Pure.

Self-consistency (Wang et al. 2023): what a model does not choose again when it is asked again is less likely right. The
calls cost as much as the decision itself, so a low-risk step draws none. The first ones are asked with the material in
reverse order, for models lean on what comes last; the rest repeat the question as it was. All are drawn warmer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from core.domain import PromptMessage
from core.vocabulary import Risk

Way = Literal["reversed", "again"]
WAYS: Final[Mapping[Risk, tuple[Way, ...]]] = {
    "low": (),
    "normal": ("reversed", "again"),
    "high": ("reversed", "again", "reversed", "again"),
}
NONE: Final[Mapping[Risk, tuple[Way, ...]]] = {"low": (), "normal": (), "high": ()}
"""Sampling switched off."""


def asked(way: Way, messages: Sequence[PromptMessage]) -> list[PromptMessage]:
    """The messages as a sample is asked with them: what is material may stand in another order, nothing else moves."""
    if way == "again":
        return list(messages)
    material = [message for message in messages if message.role == "material"]
    return [material.pop() if message.role == "material" else message for message in messages]
