"""HTTP calls against a real server that misbehaves in each way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from core.errors import ToolError
from tools.http_calls import HttpCall, http_call

Writer = asyncio.StreamWriter


@dataclass
class Served:
    """What a server was sent, and where it is."""

    url: str = ""
    requests: list[str] = field(default_factory=list)


@asynccontextmanager
async def serving(behave: Callable[[Writer], Awaitable[None]]) -> AsyncIterator[Served]:
    served = Served()

    async def answer(reader: asyncio.StreamReader, writer: Writer) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        served.requests.append(head.decode())
        await behave(writer)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/effects"
        yield served


def answering(status: int, body: bytes = b"{}", *headers: str) -> Callable[[Writer], Awaitable[None]]:
    async def behave(writer: Writer) -> None:
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", "connection: close", *headers]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return behave


async def resets(writer: Writer) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()


async def hangs_up(writer: Writer) -> None:
    """Closes without a word."""


async def breaks_off(writer: Writer) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"id":')
    await writer.drain()


async def never_answers(writer: Writer) -> None:
    await asyncio.Event().wait()


async def call(url: str, seconds: float = 5.0, **changes: Any) -> Any:
    asked = HttpCall("The shop", changes.pop("method", "POST"), url, seconds, **changes)
    async with httpx.AsyncClient(trust_env=False) as client:
        return await http_call(client, asked)


async def refused(url: str, seconds: float = 5.0, **changes: Any) -> ToolError:
    with pytest.raises(ToolError) as error:
        await call(url, seconds, **changes)
    assert "\n" not in str(error.value) and str(error.value).startswith("The shop")
    return error.value


async def test_an_answer_comes_back_and_the_key_goes_along() -> None:
    async with serving(answering(201, b'{"id": 7}')) as served:
        assert await call(served.url, key="k1", body={"amount": 5}) == {"id": 7}
    [request] = served.requests
    assert request.startswith("POST /effects ") and "Idempotency-Key: k1" in request


async def test_an_empty_answer_is_none() -> None:
    async with serving(answering(204, b"")) as served:
        assert await call(served.url) is None


async def test_who_cannot_be_reached_was_sent_nothing() -> None:
    async with serving(hangs_up) as served:
        pass  # nothing listens there any more
    for url in (served.url, "http://no-such-host.invalid/effects"):
        error = await refused(url)
        assert (error.failure_class, error.never_sent) == ("transient", True)


async def test_who_does_not_accept_the_connection_in_time_was_sent_nothing() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        url = f"http://127.0.0.1:{full.getsockname()[1]}/effects"
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:  # fill the backlog, so that the next connection hangs
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        error = await refused(url, seconds=0.4)
        for each in waiting:
            each.close()
    assert (error.failure_class, error.never_sent) == ("transient", True)


async def test_an_address_that_is_none_is_refused_before_anything_is_sent() -> None:
    error = await refused("ftp://127.0.0.1/effects")
    assert (error.failure_class, error.never_sent) == ("tool_refused", True)


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [(429, (), None), (429, ("retry-after: 30",), 30.0), (503, ("retry-after: 7",), 7.0)],
)
async def test_who_asks_to_come_back_later_has_done_nothing(
    status: int, headers: tuple[str, ...], wait: float | None
) -> None:
    async with serving(answering(status, b"busy", *headers)) as served:
        error = await refused(served.url, key="k")
    assert (error.failure_class, error.never_sent, error.retry_after) == ("transient", True, wait)


@pytest.mark.parametrize("status", [400, 401, 404, 422])
async def test_a_refusal_is_definite_and_says_why(status: int) -> None:
    async with serving(answering(status, b"the amount\nis missing")) as served:
        error = await refused(served.url, key="k")
    assert (error.failure_class, error.never_sent) == ("tool_refused", False)
    assert f'({status}): "the amount is missing"' in str(error)


@pytest.mark.parametrize(
    "behave",
    [
        answering(500),
        answering(502),
        answering(503),
        answering(303, b"", "location: /done"),
        answering(200, b"<html>done</html>"),
        answering(200, b'{"id": 7'),
        breaks_off,
        hangs_up,
        resets,
    ],
    ids=["500", "502", "503", "303", "html", "half JSON", "cut body", "hang-up", "reset"],
)
async def test_whoever_may_have_done_it_is_unknown(behave: Callable[[Writer], Awaitable[None]]) -> None:
    async with serving(behave) as served:
        error = await refused(served.url, key="k")
    assert (error.failure_class, error.never_sent) == ("unknown_effect", False)
    assert len(served.requests) == 1


async def test_no_answer_in_time_is_unknown() -> None:
    async with serving(never_answers) as served:
        error = await refused(served.url, seconds=0.2, key="k")
    assert (error.failure_class, error.never_sent) == ("unknown_effect", False)


async def test_a_conflict_may_be_our_own_earlier_attempt() -> None:
    async with serving(answering(409, b"in progress")) as served:
        assert (await refused(served.url, key="k")).failure_class == "unknown_effect"
        assert (await refused(served.url)).failure_class == "tool_refused"


async def test_a_look_up_may_find_nothing() -> None:
    async with serving(answering(404)) as served:
        assert await call(served.url, method="GET", may_be_absent=True) is None
