"""The choice of a model and its reason, the probe of local servers, and the waits between attempts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from pydantic import SecretStr

from core.errors import BadInput
from core.retries import retry_after
from runtime.chat_model import cost_of
from runtime.models import (
    LOCAL_SERVERS,
    LocalServer,
    ModelChoice,
    ModelSettings,
    build,
    choose_model,
    close,
    connection_of,
    models_listed,
    probe_local,
)
from runtime.prompting import Answer

KEY = "sk-very-secret-1234"
OLLAMA = LocalServer("http://127.0.0.1:11434/v1", ("llama3.2", "qwen3"))


class Probed:
    """Answers a probe and remembers what it was asked."""

    def __init__(self, server: LocalServer | None = None) -> None:
        self.server = server
        self.asked: list[Sequence[str]] = []

    async def __call__(self, addresses: Sequence[str]) -> LocalServer | None:
        self.asked.append(addresses)
        return self.server


async def choose(
    settings: ModelSettings | None = None, server: LocalServer | None = None, **environ: str
) -> ModelChoice:
    return await choose_model(settings or ModelSettings(), environ, Probed(server))


async def test_with_nothing_set_the_algorithm_is_used_and_says_what_it_is() -> None:
    choice = await choose()
    assert (choice.label, choice.kind, choice.base_url) == ("offline-extractive", "offline", None)
    assert choice.reason == (
        "because no OPENAI_API_KEY is set and no local server answers (it collects and cites, it does not write)"
    )
    assert choice.parameters == {"model": "offline-extractive"}


async def test_without_a_probe_the_reason_does_not_claim_one() -> None:
    choice = await choose(ModelSettings(probe_local=False), OLLAMA)
    assert "local servers are not looked for" in choice.reason


async def test_an_explicit_offline_wins_over_a_key_and_nothing_is_probed() -> None:
    probed = Probed(OLLAMA)
    choice = await choose_model(ModelSettings(model="offline-extractive"), {"OPENAI_API_KEY": KEY}, probed)
    assert choice.label == "offline-extractive" and "AUTONOMY_MODEL" in choice.reason
    assert probed.asked == []


async def test_a_key_wins_over_a_local_server_which_is_not_even_asked() -> None:
    probed = Probed(OLLAMA)
    choice = await choose_model(ModelSettings(), {"OPENAI_API_KEY": KEY}, probed)
    assert (choice.label, choice.kind) == ("gpt-4.1-mini", "openai")
    assert choice.base_url == "https://api.openai.com/v1"
    assert choice.reason == "because OPENAI_API_KEY is set"
    assert probed.asked == []


async def test_settings_win_over_the_environment() -> None:
    settings = ModelSettings(model="gpt-4.1", base_url="https://proxy.example/v1/", api_key=SecretStr("mine"))
    choice = await choose(settings, OPENAI_BASE_URL="https://other.example/v1", OPENAI_API_KEY=KEY)
    assert (choice.label, choice.base_url) == ("gpt-4.1", "https://proxy.example/v1")
    assert choice.api_key is not None and choice.api_key.get_secret_value() == "mine"
    assert choice.reason == "because AUTONOMY_MODEL names it and OPENAI_BASE_URL is set (https://proxy.example/v1)"


async def test_a_base_url_without_a_key_sends_a_placeholder() -> None:
    choice = await choose(OPENAI_BASE_URL="https://proxy.example/v1")
    assert choice.api_key is not None and choice.api_key.get_secret_value() == "not-needed"


async def test_a_loopback_base_url_is_asked_which_model_it_has() -> None:
    probed = Probed(LocalServer("http://localhost:9000/v1", ("mistral",)))
    choice = await choose_model(ModelSettings(), {"OPENAI_BASE_URL": "http://localhost:9000/v1"}, probed)
    assert probed.asked == [("http://localhost:9000/v1",)]
    assert (choice.label, choice.kind) == ("mistral", "local")


async def test_a_local_server_is_used_with_its_first_model() -> None:
    probed = Probed(OLLAMA)
    choice = await choose_model(ModelSettings(), {"OPENAI_API_KEY": "  "}, probed)
    assert probed.asked == [LOCAL_SERVERS]
    assert (choice.label, choice.kind, choice.base_url) == ("llama3.2", "local", OLLAMA.base_url)
    assert OLLAMA.base_url in choice.reason


async def test_a_named_model_of_a_local_server_is_used() -> None:
    assert (await choose(ModelSettings(model="qwen3"), OLLAMA)).label == "qwen3"


@pytest.mark.parametrize("server", [None, OLLAMA])
async def test_a_named_model_that_nobody_has_is_refused_not_replaced(server: LocalServer | None) -> None:
    with pytest.raises(BadInput, match=r"AUTONOMY_MODEL asks for gpt-4\.1") as raised:
        await choose(ModelSettings(model="gpt-4.1"), server)
    assert "OPENAI_API_KEY" in str(raised.value)


@pytest.mark.parametrize(
    "base_url", ["localhost:11434", "ftp://x/v1", "http://", "http://a b/v1", "http://h:99999/v1", "http://[::1/v1"]
)
async def test_a_base_url_that_is_none_is_refused(base_url: str) -> None:
    with pytest.raises(BadInput, match="OPENAI_BASE_URL is not"):
        await choose(OPENAI_BASE_URL=base_url)


@pytest.mark.parametrize("base_url", ["https://me:hunter2@x/v1", "https://x/v1?key=hunter2"])
async def test_a_password_in_the_base_url_is_refused_and_not_repeated(base_url: str) -> None:
    with pytest.raises(BadInput, match="password") as raised:
        await choose(OPENAI_BASE_URL=base_url)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("key", ["sk-abc def", "sk-abc\ndef", "sk-äbc"])
async def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(BadInput, match="OPENAI_API_KEY has characters") as raised:
        await choose(OPENAI_API_KEY=key)
    assert "abc" not in str(raised.value)


async def test_secrets_are_in_no_repr_and_no_reason() -> None:
    settings = ModelSettings(api_key=SecretStr(KEY))
    choice = await choose(settings)
    model = build(choice, settings, unused)
    for shown in (settings, choice, choice.reason, choice.parameters, model, connection_of(choice, settings)):
        assert KEY not in repr(shown)
    await close(model)


async def test_parameters_hold_what_changes_behaviour() -> None:
    settings = ModelSettings(model="gpt-4.1", seed=7, temperature=0.3, max_output_tokens=100)
    assert (await choose(settings, OPENAI_API_KEY=KEY)).parameters == {
        "model": "gpt-4.1",
        "endpoint": "https://api.openai.com/v1",
        "temperature": 0.3,
        "seed": 7,
        "max_output_tokens": 100,
    }


@pytest.mark.parametrize(
    ("model", "temperature"), [("o3-mini", None), ("gpt-5", None), ("gpt-5-chat-latest", 0.0), ("gpt-4o", 0.0)]
)
async def test_reasoning_models_are_given_no_temperature(model: str, temperature: float | None) -> None:
    choice = await choose(ModelSettings(model=model), OPENAI_API_KEY=KEY)
    assert choice.parameters["temperature"] == temperature


async def test_the_client_never_waits_forever_and_never_retries_by_itself() -> None:
    settings = ModelSettings(timeout=7)
    choice = await choose(settings, OPENAI_API_KEY=KEY)
    model: Any = build(choice, settings, unused)
    assert (model.request_timeout, model.max_retries, model.stream_usage) == (7, 0, True)
    assert model.root_async_client.timeout == 7 and model.root_async_client.max_retries == 0
    await close(model)


async def test_what_the_environment_says_to_other_programs_is_not_picked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_PROXY"):
        monkeypatch.setenv(name, "http://elsewhere.example/v1")
    settings = ModelSettings()
    choice = await choose(settings, OPENAI_API_KEY=KEY)
    model: Any = build(choice, settings, unused)
    assert str(model.root_async_client.base_url) == "https://api.openai.com/v1/"
    await close(model)


async def test_the_algorithm_is_made_by_whoever_composes_and_costs_nothing() -> None:
    algorithm = FakeListChatModel(responses=[])
    choice = await choose()
    assert build(choice, ModelSettings(), lambda: algorithm) is algorithm
    await close(algorithm)
    connection = connection_of(choice, ModelSettings(prices={choice.label: (1.0, 2.0)}))
    assert (connection.remote, connection.structured, connection.prices) == (False, "function_calling", (0.0, 0.0))


async def test_the_probe_takes_the_best_address_that_lists_a_chat_model() -> None:
    listing = {"data": [{"id": "nomic-embed-text"}, {"id": "llama3.2"}]}
    with serving(200, b"<html>") as page, serving(404, b"{}") as missing, serving(200, json.dumps(listing)) as good:
        assert await probe_local([page, missing, good]) == LocalServer(good, ("llama3.2",))


async def test_the_probe_finds_nothing_where_nothing_listens() -> None:
    with serving(200, b"{}") as gone:
        pass
    assert await probe_local([gone]) is None


async def test_the_probe_does_not_wait_for_a_silent_or_endless_server() -> None:
    with serving(200, b"", silent=True) as silent, serving(200, b" " * 2_000_000 + b'{"data": []}') as endless:
        assert await probe_local([silent, endless]) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"data": {}}', b'{"data": [1, {}, {"id": 3}]}', b"\xff"])
def test_what_is_no_listing_lists_no_model(body: bytes) -> None:
    assert models_listed(body) == ()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Fri, 02 Jan 2026 00:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:00 GMT"}, 0.0),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, datetime(2026, 1, 2, tzinfo=UTC)) == seconds


def test_a_cost_is_only_named_when_price_and_tokens_are_known() -> None:
    answer = Answer("", (), "stop", input_tokens=1_000_000, output_tokens=500_000)
    assert cost_of(answer, (0.4, 1.6)) == pytest.approx(1.2)
    assert cost_of(answer, None) is None
    assert cost_of(Answer("", (), "stop"), (0.4, 1.6)) is None
    assert cost_of(None, (0.4, 1.6)) is None


def unused() -> Any:
    raise AssertionError("the algorithm was not asked for")


@contextmanager
def serving(status: int, body: bytes | str, silent: bool = False) -> Iterator[str]:
    """A real server that answers GET /v1/models; its base URL."""
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if silent:
                done.wait()
                return
            self.send_response(status if self.path == "/v1/models" else 404)
            self.end_headers()
            try:
                self.wfile.write(body.encode() if isinstance(body, str) else body)
            except ConnectionError:  # the client had enough
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        done.set()
        server.shutdown()
        server.server_close()
        thread.join()
