"""Taking decisions. The page stores them; a worker runs their threads on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import streamlit as st

from core.reviews import WireAnswer
from core.vocabulary import Reason, Verdict
from ui import reading
from ui.visitor import me

if TYPE_CHECKING:
    from runtime.alike import Taken
    from runtime.threads import Person
    from runtime.wiring import Application

_AFTER_SECONDS: Final = 2.0
Result = TypeVar("Result")


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
    message: str = "",
    word: Word = Word(),
) -> None:
    """Take the visitor's decision, once. Raises what runtime.threads.decide raises."""
    from runtime import threads  # brings LangGraph, for which no page must wait

    said: dict[str, Any] = {"message": message, "verdict": word.verdict, "reason": word.reason, "undoable": True}
    _done(lambda app: threads.decide(app, number, wire, _person(), arguments=arguments, **said))


def decide_alike(numbers: Sequence[int], wire: Literal["approve", "reject"], message: str, word: Word) -> Taken:
    """Take one answer for each of them. Raises BadInput when they are not alike."""
    from runtime import alike

    said: dict[str, Any] = {"message": message, "verdict": word.verdict, "reason": word.reason}
    return _done(lambda app: alike.decide_alike(app, numbers, wire, _person(), **said))


def undo(number: int) -> None:
    """Take the visitor's decision back. Raises StaleDecision when it is too late."""
    from runtime import threads

    _done(lambda app: threads.undo(app, number, _person()))


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Load, once and when the page stands, what the first decision would otherwise wait for: a second of imports."""
    timer = threading.Timer(_AFTER_SECONDS, import_module, args=("runtime.threads",))
    timer.daemon = True
    timer.start()


def _person() -> Person:
    from runtime.threads import Person

    visitor = me()
    return Person(visitor.name, visitor.verified, visitor.origin)


def _done(work: Callable[[Application], Awaitable[Result]]) -> Result:
    from runtime.wiring import open_application

    async def opened() -> Result:
        async with open_application(reading.settings()) as app:
            return await work(app)

    return asyncio.run(opened())
