"""The model's answers from the record of model calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from core.actions import SelfReport
from core.domain import PromptMessage
from core.errors import BadInput, ModelError
from core.events import ChainedEvent
from core.failures import named
from core.ports import CallSite, ToolChoice
from core.tools import ToolSpec
from core.vocabulary import Risk
from escalation.samples import WAYS, Way
from runtime import prompting
from runtime.replay.record import Record
from runtime.replay.tape import Tape


class RecordedModel:
    """core.ports.Model. The event that comes next names the call that was committed: one that was made by a run that
    died before it could store what came of it is passed over. What is asked now is held against what was asked then."""

    def __init__(self, record: Record, tape: Tape) -> None:
        self._tape, self._calls = tape, record.calls
        self._drawn: set[str] = set()
        self._places = {call["id"]: place for place, call in enumerate(record.calls)}

    async def choose(
        self, site: CallSite, messages: Sequence[PromptMessage], tools: Sequence[ToolSpec], *, sample: bool = False
    ) -> ToolChoice:
        said = self._said()
        if sample:
            return self._sampled(said, messages)
        call = self._choice(said)
        if call is None:
            raise _failure(said)
        self._same(call, messages)
        if call["answer"] is None or (said.kind == "failure" and said.body.get("model_call") == call["id"]):
            raise _failure(said)
        action, arguments, text = prompting.chosen(_answer(call))
        return ToolChoice(action, arguments, text, call["id"])

    async def report(self, site: CallSite, messages: Sequence[PromptMessage]) -> SelfReport:
        said = self._said()
        call = self._report(said)
        if call is None:
            raise _failure(said)
        self._same(call, messages)
        if said.kind == "failure":
            raise _failure(said)
        return prompting.self_report(_answer(call))

    def _sampled(self, said: ChainedEvent, messages: Sequence[PromptMessage]) -> ToolChoice:
        """The next call that drew a sample with these messages. Raises ModelError for one that could not be drawn."""
        for call in self._after(said, "sample"):
            if call["id"] not in self._drawn and not self._differing(call, messages):
                self._drawn.add(call["id"])
                if call["answer"] is None or call["error"]:
                    raise ModelError(call["error"] or "The sample could not be drawn.", "model_answer")
                return ToolChoice(*prompting.chosen(_answer(call)), call["id"])
        raise self._tape.part({"kind": "decision", "what": "a sample is drawn"}, "samples")

    def _after(self, said: ChainedEvent, purpose: str) -> Iterator[Mapping[str, Any]]:
        """Calls of `purpose` that followed the choice which the event names, up to the next choice."""
        place = self._places.get(said.body.get("model_call") or "", len(self._calls))
        turn = takewhile(lambda call: call["purpose"] != "choose", self._calls[place + 1 :])
        return (call for call in turn if call["purpose"] == purpose)

    def _said(self) -> ChainedEvent:
        """The event that the calls of this step led to."""
        stored = self._tape.next()
        if stored.kind == "decision" and stored.body.get("model_call"):
            return stored
        if stored.kind == "failure" and _of_a_model(stored):
            return stored
        raise self._tape.part({"kind": "decision", "what": "a model is asked"}, "kind")

    def _choice(self, said: ChainedEvent) -> Mapping[str, Any] | None:
        """The choice that was committed; for a report that failed, the choice before it."""
        place = self._places.get(said.body.get("model_call") or "")
        if place is None:
            return None
        return next((call for call in reversed(self._calls[: place + 1]) if call["purpose"] == "choose"), None)

    def _report(self, said: ChainedEvent) -> Mapping[str, Any] | None:
        """The last report before the next choice: earlier ones were tried in vain."""
        place = self._places.get(said.body.get("model_call") or "")
        if place is None:
            return None
        if said.kind == "failure":
            return self._calls[place]
        return next(reversed([*self._after(said, "report")]), None)

    def _same(self, call: Mapping[str, Any], messages: Sequence[PromptMessage]) -> None:
        """Raises Parted where another thing is asked now, or BadInput when what was asked is not kept."""
        if differing := self._differing(call, messages):
            raise self._tape.part(*differing)

    def _differing(
        self, call: Mapping[str, Any], messages: Sequence[PromptMessage]
    ) -> tuple[Mapping[str, Any], str] | None:
        """What is asked now and was not then, and where. Raises BadInput when what was asked is not kept."""
        if not call["messages"]:
            raise BadInput(
                f"What was said to the model in call {call['id'][:8]} was pruned; this thread cannot be run again."
            )
        now = prompting.unnumbered(prompting.recorded(prompting.to_langchain(messages)))
        then = prompting.unnumbered(call["messages"])
        for place, (was, is_now) in enumerate(zip(then, now, strict=False), start=1):
            if was != is_now:
                return {"model is asked": is_now, "was asked": was}, f"message {place} to the model"
        if len(then) != len(now):
            return {"messages": len(now), "were": len(then)}, "the number of messages to the model"
        return None


class RecordedWays(Mapping[Risk, tuple[Way, ...]]):
    """Which samples are drawn: those of this release if any were drawn then, none if none were."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def __getitem__(self, risk: Risk) -> tuple[Way, ...]:
        return WAYS[risk] if self._tape.next().body.get("samples") else ()

    def __iter__(self) -> Iterator[Risk]:
        return iter(WAYS)

    def __len__(self) -> int:
        return len(WAYS)


def _of_a_model(stored: ChainedEvent) -> bool:
    return stored.body["class"].startswith("model_") and "proposal" not in stored.body


def _failure(said: ChainedEvent) -> ModelError:
    failure_class = named(said.body["class"])
    error = ModelError(said.body["message"], failure_class)
    error.model_call = said.body.get("model_call")
    return error


def _answer(call: Mapping[str, Any]) -> prompting.Answer:
    if call["answer"] is None:
        raise BadInput(f"The model's answer to call {call['id'][:8]} was pruned; this thread cannot be run again.")
    said = call["answer"]
    calls = tuple((each["name"], each["arguments"]) for each in said["tool_calls"])
    return prompting.Answer(said["text"], calls, said["finish_reason"], said["refusal"])
