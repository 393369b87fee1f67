"""The Model port over any LangChain chat model: asks, retries, records every attempt, reads answers strictly."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import uuid4

from langchain_core.exceptions import ContextOverflowError, ModelConnectionError, ModelTimeoutError
from langchain_core.exceptions import ModelError as LangChainModelError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage

from core.actions import SelfReport
from core.canonical import storable
from core.domain import PromptMessage
from core.errors import ModelError
from core.model_calls import ModelCall, ModelCalls, Most, Purpose
from core.ports import CallSite, Deadlines, ToolChoice, Unwatched
from core.retries import retry_after
from core.tools import ToolSpec
from core.vocabulary import FailureClass
from runtime import prompting
from runtime.models import Connection
from runtime.prompting import Answer, SelfReportAnswer, shortened
from tools.patience import tries

Read = TypeVar("Read")
Prompt = Sequence[BaseMessage]
Ask = Callable[[], Awaitable[Sequence[AIMessage]]]

SAMPLE_TEMPERATURE: Final = 0.7
_NO_COMPLETION: Final = (AttributeError, TypeError, LookupError)
"""What the client library stumbles with over JSON or a web page that is no completion."""
_SURELY_OVER: Final = 60.0
"""Seconds beyond its deadline after which a call that left no record counts in full."""
_KEY: Final = re.compile(r"\b(?:sk-[\w*-]{6,}|bearer\s+\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Ports:
    """Time and identity, so that a test or a replay can give its own. `clock` returns aware times."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    new_id: Callable[[], str] = lambda: uuid4().hex


class ChatModel:
    """core.ports.Model. Belongs to one event loop, like the chat model it wraps.

    A failed call is tried again, `connection.attempts` times in all, when the endpoint was unavailable, never when it
    refused or answered badly. A wait that is too long for a run is left to whoever runs the thread (`retry_after`).
    """

    def __init__(
        self,
        model: BaseChatModel,
        label: str,
        parameters: Mapping[str, Any],
        record: ModelCalls,
        connection: Connection,
        ports: Ports | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        self._model, self._label, self._parameters = model, label, dict(parameters)
        self._record, self._connection, self._ports = record, connection, ports or Ports()
        self._deadlines = deadlines or Unwatched()
        self._structured = connection.structured

    async def choose(
        self, site: CallSite, messages: Sequence[PromptMessage], tools: Sequence[ToolSpec], *, sample: bool = False
    ) -> ToolChoice:
        """Raises ModelError."""
        prompt = prompting.to_langchain(messages)
        offer = [offered(tool) for tool in tools]
        bound = self._model.bind_tools(offer, tool_choice="any", parallel_tool_calls=False, **self._warmer(sample))

        async def ask() -> list[AIMessage]:
            return [part async for part in bound.astream(prompt)]

        purpose: Purpose = "sample" if sample else "choose"
        most = self._most(prompt, offer)
        call_id, (action, arguments, text) = await self._call(site, purpose, prompt, ask, prompting.chosen, most)
        return ToolChoice(action, arguments, text, call_id)

    def _warmer(self, sample: bool) -> dict[str, Any]:
        """The temperature of a sample, where the model takes one: at 0 it would only repeat itself."""
        return {"temperature": SAMPLE_TEMPERATURE} if sample and self._parameters.get("temperature") is not None else {}

    async def report(self, site: CallSite, messages: Sequence[PromptMessage]) -> SelfReport:
        """Raises ModelError. An endpoint that knows no JSON schemas is asked by a tool call from then on."""
        prompt = prompting.to_langchain(messages)
        try:
            return await self._report(site, prompt)
        except ModelError as failure:
            if self._structured == "function_calling" or not _no_schemas(failure):
                raise
        self._structured = "function_calling"
        return await self._report(site, prompt)

    async def _report(self, site: CallSite, prompt: Prompt) -> SelfReport:
        strict = True if self._structured == "json_schema" else None
        # As a plain schema, and read from the raw message: the SDK would raise on a mismatch and lose the answer.
        schema = SelfReportAnswer.model_json_schema()
        method = self._structured
        structured = self._model.with_structured_output(schema, include_raw=True, method=method, strict=strict)

        async def ask() -> list[AIMessage]:
            answer: Any = await structured.ainvoke(list(prompt))
            return [answer["raw"]]

        most = self._most(prompt, schema)
        _, report = await self._call(site, "report", prompt, ask, prompting.self_report, most)
        return report

    async def _call(
        self, site: CallSite, purpose: Purpose, prompt: Prompt, ask: Ask, read: Callable[[Answer], Read], most: Most
    ) -> tuple[str, Read]:
        tried = 0
        try:
            async for attempt in tries(self._connection.attempts, "model_unavailable"):
                with attempt:
                    tried = attempt.num
                    return await self._attempt(site, purpose, prompt, ask, read, most)
        except ModelError as failure:
            raise _after(failure, tried) from None
        raise AssertionError("it returns or raises")

    async def _attempt(
        self, site: CallSite, purpose: Purpose, prompt: Prompt, ask: Ask, read: Callable[[Answer], Read], most: Most
    ) -> tuple[str, Read]:
        call_id = self._ports.new_id()
        if self._connection.remote:
            await self._record.begin(call_id, site, most)
        started = self._ports.clock()
        answer: Answer | None = None
        failure: ModelError | None = None
        unbilled = False
        try:
            with self._deadlines.running(self._connection.deadline):
                async with asyncio.timeout(self._connection.deadline):
                    answer = prompting.read_answer(await ask())
            value = read(answer)
        except ModelError as error:
            failure = error
        except _raised_by(self._connection) as error:
            failure, unbilled = failure_of(error, self._connection, self._ports.clock()), _unbilled(error)
        call = self._recorded(call_id, site, purpose, prompt, started, answer, failure)
        await self._record.record(replace(call, unbilled=unbilled))
        if failure is not None:
            failure.model_call = call.id
            raise failure
        return call.id, value

    def _most(self, prompt: Prompt, schemas: Any) -> Most:
        """A token stands for a byte at least; messages have a few of their own."""
        said = len(json.dumps([*prompting.recorded(prompt), schemas], ensure_ascii=False).encode())
        answer = int(self._parameters.get("max_output_tokens") or 0)
        to_read, to_write = self._connection.prices or (0.0, 0.0)
        money = math.ceil(said * to_read + answer * to_write)
        return Most(said + answer, money, self._connection.deadline + _SURELY_OVER)

    def _recorded(
        self, call_id: str, site: CallSite, purpose: Purpose, prompt: Prompt, started: datetime, answer: Answer | None,
        failure: ModelError | None,
    ) -> ModelCall:  # fmt: skip
        elapsed = (self._ports.clock() - started).total_seconds()
        return ModelCall(
            id=call_id,
            tenant=site.tenant,
            thread_id=site.thread_id,
            task_id=site.task_id,
            attempt=site.attempt,
            purpose=purpose,
            model=self._label,
            parameters=self._parameters,
            messages=prompting.recorded(prompt),
            answer=storable(answer.to_json()) if answer else None,
            error=str(failure) if failure else None,
            input_tokens=answer.input_tokens if answer else None,
            output_tokens=answer.output_tokens if answer else None,
            cost=cost_of(answer, self._connection.prices),
            started_at=started,
            latency_ms=max(0.0, elapsed * 1000),
        )


def _unbilled(error: Exception) -> bool:
    """The endpoint was not reached, or answered with a refusal. A call that was cut off may have been worked on."""
    late = isinstance(error, ModelTimeoutError | TimeoutError)
    return not late and (isinstance(error, ModelConnectionError) or getattr(error, "status_code", None) is not None)


def offered(tool: ToolSpec) -> dict[str, Any]:
    """In the shape of OpenAI's `tools`, without the bound arguments."""
    function = {"name": tool.name, "description": tool.summary, "parameters": tool.model_schema()}
    return {"type": "function", "function": function}


def cost_of(answer: Answer | None, prices: tuple[float, float] | None) -> float | None:
    """`prices` are for a million input and output tokens. None when a price or a count is missing."""
    if answer is None or prices is None or answer.input_tokens is None or answer.output_tokens is None:
        return None
    return (answer.input_tokens * prices[0] + answer.output_tokens * prices[1]) / 1_000_000


def failure_of(error: Exception, connection: Connection, now: datetime) -> ModelError:
    """What a chat model raised, as one line with a failure class and without secrets."""
    message, failure_class = _diagnosis(error, connection)
    for secret in connection.secrets:
        message = message.replace(secret.get_secret_value(), "***")
    headers = getattr(getattr(error, "response", None), "headers", {})
    return ModelError(_KEY.sub("***", message), failure_class, retry_after(headers, now))


def _raised_by(connection: Connection) -> tuple[type[Exception], ...]:
    # Called once something was raised, so that the import costs nothing before. An algorithm of ours has only bugs.
    if not connection.remote:
        return (TimeoutError,)
    import openai

    return (LangChainModelError, openai.OpenAIError, TimeoutError, ValueError, *_NO_COMPLETION)


def _diagnosis(error: Exception, connection: Connection) -> tuple[str, FailureClass]:
    """(message, failure class)"""
    import openai

    where = f"The model endpoint {connection.endpoint}"
    if isinstance(error, ModelTimeoutError | TimeoutError):
        seconds = connection.timeout if isinstance(error, ModelTimeoutError) else connection.deadline
        return f"{where} did not answer (timeout {seconds:g} s); start it or set OPENAI_BASE_URL.", "model_unavailable"
    if isinstance(error, ModelConnectionError):
        return f"{where} cannot be reached; start it or set OPENAI_BASE_URL.", "model_unavailable"
    if isinstance(error, ContextOverflowError) or getattr(error, "code", None) == "context_length_exceeded":
        return f"{where} says the prompt is too long for the model; choose one with more context.", "model_refused"
    if isinstance(error, openai.LengthFinishReasonError):
        return "The model's answer was cut off (length); allow more output or ask for less.", "model_answer"
    if isinstance(error, openai.ContentFilterFinishReasonError):
        return "The model endpoint's content filter stopped the answer.", "model_answer"
    if isinstance(error, _NO_COMPLETION) or str(error) == "No generation chunks were returned":
        return f"{where} answered with something that is no chat completion; check the base URL.", "model_answer"
    if isinstance(error, ValueError):
        return f"The model's answer cannot be read ({shortened(str(error), 160)}).", "model_answer"
    return _by_status(getattr(error, "status_code", None), error, where)


def _by_status(status: int | None, error: Exception, where: str) -> tuple[str, FailureClass]:
    if status in (401, 403):
        return f"The model endpoint refused the key ({status}): check OPENAI_API_KEY.", "model_refused"
    if status == 404:
        return f"{where} has no such model or path (404): check the model's name and the base URL.", "model_refused"
    if getattr(error, "code", None) == "insufficient_quota":
        return f"{where} says the quota is used up ({status}): check its billing.", "model_refused"
    if status is None:
        return f'{where} broke off: "{_said(error)}"; try again later.', "model_unavailable"
    if status in (408, 429) or status >= 500:
        return f"{where} is overloaded or failing ({status}); try again later.", "model_unavailable"
    return f'{where} refused the request ({status}): "{_said(error)}".', "model_refused"


def _said(error: Exception) -> str:
    body = getattr(error, "body", None)
    said = body.get("message") if isinstance(body, dict) else None
    return shortened(str(said or error), 200)


def _no_schemas(failure: ModelError) -> bool:
    said = str(failure)
    return failure.failure_class == "model_refused" and ("response_format" in said or "json_schema" in said)


def _after(failure: ModelError, attempts: int) -> ModelError:
    tried = f" Tried {attempts} times." if attempts > 1 else ""
    after = ModelError(f"{failure}{tried}", failure.failure_class, failure.retry_after)
    after.model_call = failure.model_call
    after.limits = failure.limits
    return after
