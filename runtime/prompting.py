"""What is said to a chat model and what it answers: PromptMessages as LangChain messages, and the way back.

Only `system` becomes an instruction. Whatever else is said stands in a block with its source and its trust, between two
tags that carry a number drawn for this one message. Quoted content can't close its block: it can't know the number, and
inside a block every "<" is written as the JSON escape \\u003c. What a task says can't look like a block either.
"""

from __future__ import annotations

import html
import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, assert_never

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.messages.ai import add_ai_message_chunks
from pydantic import BaseModel, Field, ValidationError, field_validator

from core.actions import SelfReport
from core.canonical import storable, storable_text
from core.domain import PromptMessage
from core.errors import ModelError

PROPOSAL: Final = "proposal"
"""Name of the material that report messages put the proposal in: data = {"action", "arguments"}, trust "model"."""

_DELIMITER: Final = re.compile(r"<(?=\s*/?\s*(?:material|feedback)\b)", re.IGNORECASE)
_BLOCK: Final = re.compile(r'<(material|feedback)-(\w+) source="([^"]*)" trust="([^"]*)">([^<]*)</\1-\2>')

_CUT_OFF: Final = frozenset({"length", "incomplete", "failed", "cancelled"})
_ROLES: Final[Mapping[str, str]] = {"system": "system", "human": "user", "ai": "assistant"}


@dataclass(frozen=True, slots=True)
class Quoted:
    """What was quoted in a prompt, parsed again, in the order it stood there."""

    materials: tuple[dict[str, Any], ...]
    """Each: name, data, source, trust."""
    feedback: tuple[dict[str, Any], ...]

    @property
    def proposal(self) -> dict[str, Any] | None:
        """The action and arguments a self-report is asked about; None when a proposal is asked for."""
        for material in self.materials:
            if material["name"] == PROPOSAL and material["trust"] == "model":
                return dict(material["data"])
        return None


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer as it came. Tokens are None when the endpoint did not count them."""

    text: str
    calls: tuple[tuple[str, str], ...]
    """Name and unparsed JSON arguments of each tool call."""
    finish_reason: str | None
    refusal: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None

    def to_json(self) -> dict[str, Any]:
        """What the record of model calls keeps."""
        calls = [{"name": name, "arguments": arguments} for name, arguments in self.calls]
        return {"text": self.text, "tool_calls": calls, "finish_reason": self.finish_reason, "refusal": self.refusal}


class SelfReportAnswer(BaseModel):
    """How well founded the proposed action is, judged as a sceptical colleague would."""

    rationale: str = Field(description="Why this action and these arguments, in one or two sentences.")
    confidence: float | None = Field(
        description="Probability, 0 to 1, that a careful expert would accept the proposal unchanged; null if unknown."
    )
    unresolved_assumptions: list[str] = Field(
        description="What the proposal takes for granted that no material shows; empty if there is nothing."
    )
    evidence: list[str] = Field(description="Sources (URLs or names of materials) that support the proposal.")

    @field_validator("confidence")
    @classmethod
    def _probability_or_none(cls, value: float | None) -> float | None:
        # 85, -1 or NaN is no probability; a report without one counts as unsure.
        return value if value is not None and 0 <= value <= 1 else None


def drawn() -> str:
    """A number that nobody who wrote the content can know."""
    return secrets.token_hex(8)


def to_langchain(messages: Sequence[PromptMessage], draw: Callable[[], str] = drawn) -> list[BaseMessage]:
    """One LangChain message for each prompt message. `draw` gives the number of each block."""
    return [_message(message, draw) for message in messages]


def from_langchain(messages: Sequence[BaseMessage]) -> Quoted:
    """The inverse for materials and feedback. Raises ValueError or TypeError when a quote is not a JSON object."""
    materials: list[dict[str, Any]] = []
    feedback: list[dict[str, Any]] = []
    for message in messages:
        text = str(message.text)
        if (found := _BLOCK.fullmatch(text)) is None:
            continue
        if found[1] == "feedback":
            feedback.append(_json_object(found[5]))
        else:
            source, trust = html.unescape(found[3]), html.unescape(found[4])
            materials.append({**_json_object(found[5]), "source": source, "trust": trust})
    return Quoted(tuple(materials), tuple(feedback))


def recorded(messages: Sequence[BaseMessage]) -> list[dict[str, str]]:
    """The messages as the record of model calls keeps them: role and content."""
    return [{"role": _ROLES.get(message.type, message.type), "content": str(message.text)} for message in messages]


def unnumbered(messages: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Recorded messages without the numbers of their blocks, which are drawn anew each time: what was said."""
    return [{**message, "content": _unnumbered(message["content"])} for message in messages]


def _unnumbered(text: str) -> str:
    if (found := _BLOCK.fullmatch(text)) is None:
        return text
    return f'<{found[1]} source="{found[3]}" trust="{found[4]}">{found[5]}</{found[1]}>'


def read_answer(parts: Sequence[AIMessage]) -> Answer:
    """One answer out of its streamed chunks, or of the single message of a model that does not stream."""
    message = _merged(parts)
    usage: Mapping[str, Any] = message.usage_metadata or {}
    return Answer(
        text=str(message.text),
        calls=_calls(message),
        # Of the parts: merging them would join the word when a server repeats it.
        finish_reason=next((reason for part in reversed(parts) if (reason := _finish_reason(part))), None),
        refusal=str(message.additional_kwargs.get("refusal") or ""),
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
    )


def chosen(answer: Answer) -> tuple[str, dict[str, Any], str]:
    """Action, arguments and the model's words. Of several calls the first counts, and the words say so.

    A tool that was not offered passes: refusing it is policy's. Raises ModelError(model_answer).
    """
    _check_complete(answer)
    if not answer.calls:
        raise _unusable(f'The model called no tool; it wrote: "{shortened(answer.text, 120)}".')
    (action, raw), *others = answer.calls
    return action, _arguments(action, raw), answer.text + _set_aside(others)


def self_report(answer: Answer) -> SelfReport:
    """A structured answer, be it the text or the arguments of a call. Raises ModelError(model_answer)."""
    _check_complete(answer)
    raw = answer.calls[0][1] if answer.calls else answer.text
    try:
        report = SelfReportAnswer.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the answer"
        raise _unusable(f"The model's self-report does not match its schema ({where}: {first['msg']}).") from None
    return SelfReport.model_validate(storable(report.model_dump()))


def shortened(text: str, longest: int) -> str:
    """`text` on one line, at most `longest` characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _check_complete(answer: Answer) -> None:
    if answer.refusal:
        raise _unusable(f'The model declined to answer: "{shortened(answer.refusal, 120)}".')
    if answer.finish_reason is None:
        raise _unusable("The model's answer was cut off: its stream ended without a finish reason.")
    if answer.finish_reason in _CUT_OFF:
        raise _unusable(f"The model's answer was cut off ({answer.finish_reason}); allow more output or ask for less.")
    if answer.finish_reason == "content_filter":
        raise _unusable("The model endpoint's content filter stopped the answer.")


def _arguments(action: str, raw: str) -> dict[str, Any]:
    try:
        arguments = storable(json.loads(raw or "{}"))
    except (ValueError, RecursionError) as error:
        raise _unusable(f"The model's arguments for {action} are not JSON ({error}).") from None
    if not isinstance(arguments, dict):
        raise _unusable(f"The model's arguments for {action} are not a JSON object.")
    return arguments


def _set_aside(others: Sequence[tuple[str, str]]) -> str:
    return f"\n[Set aside, one action at a time: {', '.join(name for name, _ in others)}]" if others else ""


def _unusable(message: str) -> ModelError:
    return ModelError(message, "model_answer")


def _merged(parts: Sequence[AIMessage]) -> AIMessage:
    chunks = [part for part in parts if isinstance(part, AIMessageChunk)]
    return add_ai_message_chunks(*chunks) if chunks else parts[0]


def _calls(message: AIMessage) -> tuple[tuple[str, str], ...]:
    # Not `tool_calls` of a streamed message: LangChain closes cut-off JSON there and passes it on as complete.
    if isinstance(message, AIMessageChunk) and message.tool_call_chunks:
        return tuple((chunk["name"] or "", chunk["args"] or "") for chunk in message.tool_call_chunks)
    valid = ((call["name"], json.dumps(call["args"])) for call in message.tool_calls)
    return (*valid, *((call["name"] or "", call["args"] or "") for call in message.invalid_tool_calls))


def _finish_reason(part: AIMessage) -> str | None:
    """`finish_reason` of chat completions, `status` of OpenAI's Responses API."""
    return part.response_metadata.get("finish_reason") or part.response_metadata.get("status")


def _message(message: PromptMessage, draw: Callable[[], str]) -> BaseMessage:
    text = storable_text(message.text)
    match message.role:
        case "system":
            return SystemMessage(text)
        case "task":
            return HumanMessage(_DELIMITER.sub("\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", text))
        case "material" | "feedback":
            return HumanMessage(_block(message, text, draw()))
        case _:
            assert_never(message.role)


def _block(message: PromptMessage, text: str, number: str) -> str:
    tag = f"{message.role}-{number}"
    source, trust = html.escape(storable_text(message.source)), html.escape(message.trust)
    return f'<{tag} source="{source}" trust="{trust}">{_unclosable(text)}</{tag}>'


def _unclosable(json_text: str) -> str:
    # In JSON a "<" can only stand inside a string, where this escape means the same.
    return json_text.replace("<", "\\u003c")


def _json_object(text: str) -> dict[str, Any]:
    value = storable(json.loads(text))
    if not isinstance(value, dict):
        raise TypeError(f"A quote in the prompt is not a JSON object: {text[:60]}")
    return value
