"""Taking decisions. The page stores them; a worker runs their threads on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from core.reviews import WireAnswer
from core.vocabulary import Reason, Verdict
from ui.application import with_application
from ui.visitor import person

if TYPE_CHECKING:
    from runtime.alike import Taken


@dataclass(frozen=True, slots=True)
class Word:
    """What is said of the proposal as the agent made it, before anything is changed."""

    verdict: Verdict | None = None
    reason: Reason | None = None


def decide(
    number: int,
    wire: WireAnswer,
    *,
    arguments: Mapping[str, Any] | None = None,
    texts: Mapping[str, str] | None = None,
    message: str = "",
    word: Word = Word(),
) -> None:
    """Take the visitor's decision, once. Raises what runtime.threads.decide raises."""
    from runtime import threads  # brings LangGraph, for which no page must wait

    said: dict[str, Any] = {"message": message, "verdict": word.verdict, "reason": word.reason, "undoable": True}
    with_application(lambda app: threads.decide(app, number, wire, person(), arguments=arguments, texts=texts, **said))


def decide_alike(numbers: Sequence[int], wire: Literal["approve", "reject"], message: str, word: Word) -> Taken:
    """Take one answer for each of them. Raises BadInput when they are not alike."""
    from runtime import alike

    said: dict[str, Any] = {"message": message, "verdict": word.verdict, "reason": word.reason}
    return with_application(lambda app: alike.decide_alike(app, numbers, wire, person(), **said))


def undo(number: int) -> None:
    """Take the visitor's decision back. Raises StaleDecision when it is too late."""
    from runtime import threads

    with_application(lambda app: threads.undo(app, number, person()))
