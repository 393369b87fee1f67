"""ChatModel over real HTTP: a model server that answers well, badly, late, or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import stamina
from langchain_core.language_models import FakeListChatModel
from llmock.pytest_plugin import LLMock
from llmock.scenarios import Match, Reply, ToolCall
from pydantic import BaseModel, SecretStr

from core.actions import SelfReport
from core.domain import PromptMessage
from core.errors import ModelError
from core.model_calls import ModelCall, Most
from core.ports import CallSite
from core.tools import ToolSpec
from runtime.chat_model import ChatModel, Ports
from runtime.models import ModelSettings, build, choose_model, close, connection_of

KEY = "sk-very-secret-1234"
SITE = CallSite(tenant="acme", thread_id="7f3c2a", task_id="task-1", attempt=2)
PROMPT = [PromptMessage("system", "Be careful."), PromptMessage("task", "crm for startups")]
REPORT = {"rationale": "fits", "confidence": 0.7, "unresolved_assumptions": ["budget"], "evidence": ["serp"]}
EXPECTED = SelfReport.model_validate(REPORT)


class Intent(BaseModel):
    format: str
    keyword: str = ""


BOUND = {"keyword": "task:keyword"}
SET_INTENT = ToolSpec("set_intent", "Sets the intent.", Intent, Intent, "reversible", "local", 1, 1.0, bindings=BOUND)


class Calls(list[ModelCall]):
    """A record of model calls in memory."""

    async def begin(self, call: str, site: CallSite, most: Most) -> None: ...

    async def record(self, call: ModelCall) -> None:
        self.append(call)


@dataclass
class Bench:
    """A ChatModel with everything around it that a test looks at."""

    model: ChatModel
    calls: Calls = field(default_factory=Calls)

    async def choose(self) -> Any:
        return await self.model.choose(SITE, PROMPT, [SET_INTENT])

    async def report(self) -> SelfReport:
        return await self.model.report(SITE, PROMPT)

    async def refused(self, failure_class: str, purpose: str = "choose") -> str:
        with pytest.raises(ModelError) as raised:
            await (self.choose() if purpose == "choose" else self.report())
        assert raised.value.failure_class == failure_class
        message = str(raised.value)
        assert "\n" not in message and KEY not in message + repr(self.calls)
        assert self.calls[-1].error is not None and message.startswith(self.calls[-1].error)
        return message


@asynccontextmanager
async def bench(base_url: str, **changes: Any) -> AsyncIterator[Bench]:
    settings = ModelSettings(model="gpt-4.1-mini", base_url=base_url, api_key=SecretStr(KEY), **changes)
    choice = await choose_model(settings, {})
    client = build(choice, settings, lambda: FakeListChatModel(responses=[]))
    calls, ticks, ids = Calls(), count(), count(1)

    ports = Ports(
        clock=lambda: datetime(2026, 1, 2, tzinfo=UTC) + timedelta(milliseconds=250 * next(ticks)),
        new_id=lambda: f"call-{next(ids)}",
    )
    model = ChatModel(client, choice.label, choice.parameters, calls, connection_of(choice, settings), ports)
    yield Bench(model, calls)
    await close(client)


@pytest.fixture
async def asked(llmock: LLMock) -> AsyncIterator[Bench]:
    async with bench(llmock.base_url()) as made:
        yield made


async def test_a_tool_call_is_streamed_and_comes_back_whole(llmock: LLMock, asked: Bench) -> None:
    llmock.call_tool("set_intent", {"format": "list" * 50}, text="Because lists rule.")
    choice = await asked.choose()
    assert (choice.action, choice.arguments) == ("set_intent", {"format": "list" * 50})
    assert (choice.text, choice.model_call) == ("Because lists rule.", "call-1")
    sent = llmock.last_request.body
    assert sent["stream"] is True and sent["stream_options"] == {"include_usage": True}
    assert sent["tool_choice"] == "required" and sent["parallel_tool_calls"] is False
    (tool,) = sent["tools"]
    assert tool["function"]["name"] == "set_intent" and tool["function"]["description"] == "Sets the intent."
    assert list(tool["function"]["parameters"]["properties"]) == ["format"], "bound arguments are not offered"


async def test_a_call_is_recorded_with_what_was_said_and_what_it_took(llmock: LLMock) -> None:
    llmock.call_tool("set_intent", {"format": "list"})
    async with bench(llmock.base_url(), prices={"gpt-4.1-mini": (1.0, 1.0)}) as asked:
        await asked.choose()
    (call,) = asked.calls
    assert (call.tenant, call.thread_id, call.task_id, call.attempt) == ("acme", "7f3c2a", "task-1", 2)
    assert (call.id, call.purpose, call.model, call.error) == ("call-1", "choose", "gpt-4.1-mini", None)
    assert call.parameters["temperature"] == 0.0
    assert [said["role"] for said in call.messages] == ["system", "user"]
    assert call.answer is not None and call.answer["finish_reason"] == "tool_calls"
    assert call.answer["tool_calls"] == [{"name": "set_intent", "arguments": '{"format": "list"}'}]
    assert call.input_tokens is not None and call.output_tokens is not None and call.input_tokens > 0
    assert call.cost == pytest.approx((call.input_tokens + call.output_tokens) / 1e6)
    assert (call.started_at, call.latency_ms) == (datetime(2026, 1, 2, tzinfo=UTC), 250)


async def test_the_key_goes_to_the_endpoint_and_nowhere_else(llmock: LLMock, asked: Bench) -> None:
    llmock.fail(400, message=f"Bad request with key {KEY}.\nSecond line").fail(401, message=f"Incorrect: {KEY}")
    assert '"Bad request with key ***. Second line"' in await asked.refused("model_refused")
    assert "check OPENAI_API_KEY" in await asked.refused("model_refused")


async def test_a_tool_that_was_not_offered_is_passed_on_for_policy_to_refuse(llmock: LLMock, asked: Bench) -> None:
    llmock.break_tool_call("unknown_tool")
    assert (await asked.choose()).action == "llmock_unknown_tool"


async def test_cut_arguments_are_not_repaired(llmock: LLMock, asked: Bench) -> None:
    # LangChain would close the string and the brace, and half a section would pass for a whole one.
    llmock.call_tool("set_intent", {"format": "a long text"}).break_tool_call("malformed_arguments")
    assert "arguments for set_intent are not JSON" in await asked.refused("model_answer")


async def test_an_answer_without_a_tool_call_is_unusable(llmock: LLMock, asked: Bench) -> None:
    llmock.reply("Here is my opinion.")
    assert 'called no tool; it wrote: "Here is my opinion."' in await asked.refused("model_answer")


async def test_a_stream_without_a_finish_reason_is_a_failure(llmock: LLMock, asked: Bench) -> None:
    # Cut exactly before the finish chunk: every argument is there, and still nothing says the answer is complete.
    llmock.call_tool("set_intent", {}).truncate(after_chunks=3)
    assert "cut off" in await asked.refused("model_answer")
    answer = asked.calls[0].answer or {}
    assert answer["tool_calls"] == [{"name": "set_intent", "arguments": "{}"}]


async def test_a_chunk_that_is_not_json_is_a_failure(llmock: LLMock, asked: Bench) -> None:
    llmock.corrupt(after_chunks=1)
    assert "cannot be read" in await asked.refused("model_answer")
    assert len(asked.calls) == 1


async def test_a_dropped_connection_is_tried_again(llmock: LLMock, asked: Bench) -> None:
    llmock.call_tool("set_intent", {"format": "list"}, times=2).disconnect(after_chunks=2)
    assert (await asked.choose()).model_call == "call-2"
    assert [call.error is None for call in asked.calls] == [False, True]


async def test_the_wait_that_is_asked_for_is_kept(llmock: LLMock, asked: Bench) -> None:
    naps: list[float] = []
    stamina.instrumentation.set_on_retry_hooks([lambda details: naps.append(details.wait_for)])
    llmock.rate_limit(times=2, retry_after=0).call_tool("set_intent", {"format": "list"})
    with stamina.set_testing(False):
        assert (await asked.choose()).action == "set_intent"
    stamina.instrumentation.set_on_retry_hooks(None)
    assert naps == [0.0, 0.0]  # by itself it would have waited half a second and a whole one
    assert "(429)" in str(asked.calls[0].error)


async def test_a_long_wait_is_left_to_whoever_runs_the_thread(llmock: LLMock, asked: Bench) -> None:
    llmock.rate_limit(retry_after=3600)
    with pytest.raises(ModelError, match="429") as raised:
        await asked.choose()
    assert raised.value.failure_class == "model_unavailable"
    assert (raised.value.retry_after, len(asked.calls)) == (3600.0, 1)


@pytest.mark.parametrize("status", [500, 502])
async def test_a_failing_server_is_tried_a_bounded_number_of_times(llmock: LLMock, asked: Bench, status: int) -> None:
    llmock.outage(status=status)
    message = await asked.refused("model_unavailable")
    assert f"({status})" in message and message.endswith("Tried 3 times.")
    assert len(asked.calls) == len(llmock.requests) == 3


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"status": 401}, "refused the key (401): check OPENAI_API_KEY"),
        ({"status": 403}, "refused the key (403): check OPENAI_API_KEY"),
        ({"status": 404}, "no such model"),
        ({"status": 422, "message": "top_k is unknown"}, 'refused the request (422): "top_k is unknown"'),
        ({"status": 429, "code": "insufficient_quota"}, "check its billing"),
        ({"status": 400, "code": "context_length_exceeded"}, "prompt is too long"),
    ],
)
async def test_a_refusal_is_not_tried_again(llmock: LLMock, asked: Bench, fault: dict[str, Any], says: str) -> None:
    llmock.fail(**fault)
    assert says in await asked.refused("model_refused")
    assert len(llmock.requests) == 1


@pytest.mark.parametrize("limit", ["timeout", "deadline"])
@pytest.mark.parametrize("after_chunks", [0, 2])
async def test_a_server_that_falls_silent_is_given_up(llmock: LLMock, limit: str, after_chunks: int) -> None:
    llmock.stall(after_chunks=after_chunks, seconds=0.6, times=None)
    async with bench(llmock.base_url(), max_retries=1, **{limit: 0.1}) as asked:
        message = await asked.refused("model_unavailable")
    assert "did not answer (timeout 0.1 s); start it or set" in message and len(asked.calls) == 2


@pytest.mark.parametrize("purpose", ["choose", "report"])
async def test_a_server_that_is_not_there_is_named(purpose: str) -> None:
    async with answering(b"") as base_url:
        pass  # nothing listens there any more
    async with bench(base_url) as asked:
        assert f"{base_url} cannot be reached; start it" in await asked.refused("model_unavailable", purpose)
    assert len(asked.calls) == 3


@pytest.mark.parametrize("purpose", ["choose", "report"])
@pytest.mark.parametrize(
    ("media", "page"),
    [
        ("text/html", b"<html>Sign in</html>"),
        ("application/json", b"{}"),
        ("application/json", b'{"choices": []}'),
        ("application/json", b'{"choices": [{"message": null}]}'),
    ],
)
async def test_a_base_url_that_leads_elsewhere_is_said_to(media: str, page: bytes, purpose: str) -> None:
    async with answering(page, media) as base_url, bench(base_url) as asked:
        assert "no chat completion; check the base URL" in await asked.refused("model_answer", purpose)


async def test_an_error_in_the_middle_of_a_stream_is_tried_again() -> None:
    event = b'data: {"error": {"message": "overloaded"}}\n\n'
    async with answering(event, "text/event-stream") as base_url, bench(base_url, max_retries=1) as asked:
        assert 'broke off: "overloaded"' in await asked.refused("model_unavailable")
    assert len(asked.calls) == 2


async def test_a_self_report_is_asked_for_by_a_strict_schema(llmock: LLMock, asked: Bench) -> None:
    llmock.reply(json.dumps(REPORT))
    assert await asked.report() == EXPECTED
    asked_for = llmock.last_request.body["response_format"]["json_schema"]
    assert asked_for["strict"] is True
    assert set(asked_for["schema"]["required"]) == set(REPORT)
    assert "expert would accept" in asked_for["schema"]["properties"]["confidence"]["description"]
    assert (asked.calls[0].purpose, asked.calls[0].error) == ("report", None)


async def test_a_self_report_off_its_schema_is_unusable_and_kept(llmock: LLMock, asked: Bench) -> None:
    llmock.reply(json.dumps({**REPORT, "evidence": None}))
    assert "does not match its schema (evidence" in await asked.refused("model_answer", "report")
    assert asked.calls[0].answer is not None and "budget" in asked.calls[0].answer["text"]


async def test_an_endpoint_without_json_schemas_is_asked_by_a_tool_call(llmock: LLMock, asked: Bench) -> None:
    llmock.fail(400, message="This response_format type is unavailable now")
    llmock.call_tool("SelfReportAnswer", REPORT, times=2)
    assert await asked.report() == await asked.report() == EXPECTED
    assert ["response_format" in request.body for request in llmock.requests] == [True, False, False]


async def test_a_thread_of_choices_and_reports_can_be_scripted_apart(llmock: LLMock, asked: Bench) -> None:
    for name in ("search_serp", "set_intent"):
        llmock.add(Reply(tool_calls=(ToolCall(name, {"format": name}),), match=Match(tools=True)))
    llmock.add(Reply(text=json.dumps(REPORT), times=None, match=Match(tools=False)))
    assert (await asked.choose()).action == "search_serp"
    assert await asked.report() == EXPECTED
    assert (await asked.choose()).action == "set_intent"
    assert await asked.report() == EXPECTED


@asynccontextmanager
async def answering(body: bytes, media: str = "text/html") -> AsyncIterator[str]:
    """A real server that gives every request the same answer; its base URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100_000)
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {media}\r\nconnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
