"""Which model is used, and why. The choice is a pure function of the facts; `choose_model` finds the facts."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from core.errors import BadInput

if TYPE_CHECKING:
    import httpx
    from langchain_core.language_models import BaseChatModel

OFFLINE: Final = "offline-extractive"
OPENAI_BASE_URL: Final = "https://api.openai.com/v1"
DEFAULT_MODEL: Final = "gpt-4.1-mini"
LOCAL_SERVERS: Final = tuple(f"http://127.0.0.1:{port}/v1" for port in (11434, 1234, 8000, 8080))
"""The usual loopback ports of Ollama, LM Studio, vLLM and llama.cpp, in order of preference."""

_PROBE_SECONDS: Final = 0.3
_MODEST: Final = "(it collects and cites, it does not write)"
_LARGEST_LISTING: Final = 1_000_000
_HTTP_URL: Final = re.compile(r"(?ai)https?://(?:[\w.-]+|\[[\da-f:]+\])(?::(\d{1,5}))?(?:/[!-~]*)?")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_FIXED_TEMPERATURE: Final = re.compile(r"o\d|gpt-5(?!.*chat)", re.IGNORECASE)
"""Reasoning models, which refuse any temperature but their own."""

StructuredMethod = Literal["json_schema", "function_calling"]


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What a person set. `timeout` is the longest silence and `deadline` the longest call, both in seconds."""

    model: str | None = None
    api_key: SecretStr | None = field(default=None, repr=False)
    base_url: str | None = field(default=None, repr=False)
    timeout: float = 60.0
    deadline: float = 300.0
    max_retries: int = 2
    probe_local: bool = True
    max_output_tokens: int = 8192
    temperature: float | None = 0.0
    seed: int | None = None
    prices: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Model -> dollars for a million input and output tokens, where known."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that listed at least one chat model."""

    base_url: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model to use. `parameters` is everything about it that enters the behaviour version."""

    label: str
    reason: str
    kind: Literal["openai", "local", "offline"]
    base_url: str | None
    parameters: Mapping[str, Any]
    api_key: SecretStr | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Connection:
    """What the limits and messages of calls depend on. `timeout` and `deadline` as in ModelSettings."""

    endpoint: str
    remote: bool = True
    """False for an algorithm of ours: what it raises is a bug, not an answer."""
    timeout: float = 60.0
    deadline: float = 300.0
    structured: StructuredMethod = "json_schema"
    attempts: int = 3
    """Of one call that finds the endpoint unavailable, the first one counted."""
    prices: tuple[float, float] | None = None
    """For a million input and output tokens."""
    secrets: tuple[SecretStr, ...] = ()
    """Kept out of every message."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the settings and the environment say about where a model is. Checked: see `endpoint_of`."""

    api_key: SecretStr | None
    base_url: str | None

    @property
    def known(self) -> bool:
        return self.api_key is not None or self.base_url is not None


Probe = Callable[[Sequence[str]], Awaitable[LocalServer | None]]
"""Base URLs, best first -> the best one that lists a chat model."""


async def choose_model(settings: ModelSettings, environ: Mapping[str, str], probe: Probe | None = None) -> ModelChoice:
    """Find the facts and decide. Raises BadInput when what was set can't be used."""
    endpoint = endpoint_of(settings, environ)
    addresses = addresses_to_probe(settings, endpoint)
    server = await (probe or probe_local)(addresses) if addresses else None
    return decide(settings, endpoint, server)


def endpoint_of(settings: ModelSettings, environ: Mapping[str, str]) -> Endpoint:
    """Settings before environment; blank is unset. Raises BadInput for a key or URL that no client could send."""
    given = settings.api_key.get_secret_value() if settings.api_key else environ.get("OPENAI_API_KEY", "")
    key, base_url = given.strip(), (settings.base_url or environ.get("OPENAI_BASE_URL", "")).strip().rstrip("/")
    if not re.fullmatch(r"[!-~]*", key):
        raise BadInput("OPENAI_API_KEY has characters that no key has (a space, a line break?); copy it again.")
    if "@" in base_url or "?" in base_url:
        raise BadInput("OPENAI_BASE_URL contains a password or a query; leave it out and set OPENAI_API_KEY.")
    found = _HTTP_URL.fullmatch(base_url)
    if base_url and (found is None or int(found[1] or 0) > 65535):
        raise BadInput("OPENAI_BASE_URL is not an http(s) URL; it looks like http://127.0.0.1:11434/v1.")
    return Endpoint(SecretStr(key) if key else None, base_url or None)


def addresses_to_probe(settings: ModelSettings, endpoint: Endpoint) -> tuple[str, ...]:
    """Base URLs worth asking which models they have: only ever on this machine."""
    if not settings.probe_local or settings.model == OFFLINE:
        return ()
    if endpoint.base_url and not settings.model and _is_loopback(endpoint.base_url):
        return (endpoint.base_url,)
    return () if endpoint.known else LOCAL_SERVERS


def decide(settings: ModelSettings, endpoint: Endpoint, server: LocalServer | None) -> ModelChoice:
    """Explicit setting, then key or base URL, then local server, then offline-extractive."""
    if settings.model == OFFLINE:
        return _offline(f"because AUTONOMY_MODEL says so {_MODEST}")
    if endpoint.known:
        base_url = endpoint.base_url or OPENAI_BASE_URL
        model = settings.model or (server.models[0] if server else DEFAULT_MODEL)
        key = endpoint.api_key or SecretStr("not-needed")
        return _online(settings, model, _because(settings, endpoint), base_url, key)
    if server:
        return _local(settings, server)
    if settings.model:
        raise BadInput(
            f"AUTONOMY_MODEL asks for {settings.model}, but no OPENAI_API_KEY or OPENAI_BASE_URL is set and no local "
            f"server answers; set one of them, or AUTONOMY_MODEL={OFFLINE}."
        )
    looked = "no local server answers" if settings.probe_local else "local servers are not looked for"
    return _offline(f"because no OPENAI_API_KEY is set and {looked} {_MODEST}")


def build(choice: ModelChoice, settings: ModelSettings, offline: Callable[[], BaseChatModel]) -> BaseChatModel:
    """The chat model of `choice`; `offline` makes the algorithm.

    It keeps connections of the event loop that first uses it: build one for each loop and `close` it there.
    """
    if choice.kind == "offline":
        return offline()
    import openai
    from langchain_openai import ChatOpenAI

    # A client of our own: the library's default one is shared by all event loops of a process, and a connection kept
    # by a loop that has ended breaks the next. A loopback server is never reached through a proxy.
    client = openai.DefaultAsyncHttpxClient(timeout=settings.timeout, trust_env=choice.kind != "local")
    return ChatOpenAI(
        model=choice.label,
        api_key=choice.api_key,
        base_url=choice.base_url,
        temperature=choice.parameters["temperature"],
        seed=choice.parameters["seed"],
        max_completion_tokens=choice.parameters["max_output_tokens"],
        timeout=settings.timeout,
        max_retries=0,  # ChatModel retries, and records each attempt
        stream_usage=True,
        stream_chunk_timeout=None,  # ChatModel's deadline covers it, without a log line
        openai_proxy=None,
        http_async_client=client,
    )


def connection_of(choice: ModelChoice, settings: ModelSettings) -> Connection:
    """How ChatModel is to treat `choice`. Servers enforce a JSON schema more widely than a forced tool call."""
    return Connection(
        endpoint=choice.base_url or choice.label,
        remote=choice.kind != "offline",
        timeout=settings.timeout,
        deadline=settings.deadline,
        structured="function_calling" if choice.kind == "offline" else "json_schema",
        attempts=settings.max_retries + 1,
        prices=(0.0, 0.0) if choice.kind == "offline" else settings.prices.get(choice.label),
        secrets=(choice.api_key,) if choice.api_key else (),
    )


async def close(model: BaseChatModel) -> None:
    """Close the connections of a model made by `build`."""
    client = getattr(model, "root_async_client", None)
    if client is not None:
        await client.close()


async def probe_local(addresses: Sequence[str]) -> LocalServer | None:
    """Ask all `addresses` at once, for 300 ms in all."""
    import httpx

    async with httpx.AsyncClient(trust_env=False) as client:
        answers = await asyncio.gather(*(_models_at(client, address) for address in addresses))
    servers = (LocalServer(address, models) for address, models in zip(addresses, answers, strict=True) if models)
    return next(servers, None)


async def _models_at(client: httpx.AsyncClient, base_url: str) -> tuple[str, ...]:
    import httpx

    try:
        async with asyncio.timeout(_PROBE_SECONDS), client.stream("GET", f"{base_url}/models") as response:
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > _LARGEST_LISTING:
                    return ()
            return models_listed(body) if response.status_code == 200 else ()
    except (TimeoutError, OSError, httpx.HTTPError):
        return ()


def models_listed(body: bytes) -> tuple[str, ...]:
    """The chat models in the answer to GET /v1/models; empty when that is not what `body` is.

    Embedding models stand in the same list and are left out by name, the only sign there is.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        return ()
    data = answer.get("data") if isinstance(answer, dict) else None
    listed = [item.get("id") for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    return tuple(name for name in listed if isinstance(name, str) and name and "embed" not in name.lower())


def _offline(reason: str) -> ModelChoice:
    return ModelChoice(OFFLINE, reason, "offline", None, {"model": OFFLINE})


def _local(settings: ModelSettings, server: LocalServer) -> ModelChoice:
    model = settings.model or server.models[0]
    if model not in server.models:
        raise BadInput(
            f"AUTONOMY_MODEL asks for {model}, but no OPENAI_API_KEY or OPENAI_BASE_URL is set and the local "
            f"server at {server.base_url} has only: {', '.join(server.models[:5])}."
        )
    reason = f"because no OPENAI_API_KEY is set and a local server answers at {server.base_url}"
    return _online(settings, model, reason, server.base_url, SecretStr("not-needed"))


def _online(settings: ModelSettings, model: str, reason: str, base_url: str, api_key: SecretStr) -> ModelChoice:
    parameters = {
        "model": model,
        "endpoint": base_url,
        "temperature": None if _FIXED_TEMPERATURE.match(model) else settings.temperature,
        "seed": settings.seed,
        "max_output_tokens": settings.max_output_tokens,
    }
    return ModelChoice(model, reason, "local" if _is_loopback(base_url) else "openai", base_url, parameters, api_key)


def _because(settings: ModelSettings, endpoint: Endpoint) -> str:
    where = f"OPENAI_BASE_URL is set ({endpoint.base_url})" if endpoint.base_url else "OPENAI_API_KEY is set"
    return f"because AUTONOMY_MODEL names it and {where}" if settings.model else f"because {where}"


def _is_loopback(base_url: str) -> bool:
    return urlsplit(base_url).hostname in _LOOPBACK
