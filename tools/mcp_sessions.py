"""Sessions with MCP servers.

One task owns a session from its beginning to its end, because the SDK's task groups must be left by the task that
entered them; calls come from other tasks, and are given up when their caller is cancelled or the session dies. A
session is opened when it is first needed. One that died is opened again once for a call; only what surely was not sent,
or reads, is sent again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from core.canonical import storable, storable_text
from tools.mcp_registry import Contract, ServerEntry

if TYPE_CHECKING:
    from mcp import ClientSession
    from mcp.types import CallToolResult

OPEN_SECONDS: Final = 10.0
"""To start a server, greet it and list its tools."""
CLOSE_SECONDS: Final = 5.0
"""For a goodbye; then the session is cut off."""
LEFT_ALONE_SECONDS: Final = 30.0
"""A server that could not be opened is not tried again before."""
PULSE_SECONDS: Final = 5.0
"""Between two looks at whether a server that is at a call is still there."""
MOST_TOOLS: Final = 1000
_CONNECTION_CLOSED: Final = -32000
_TERMINATED: Final = "Session terminated"
_SAID: Final = 300
Answer = TypeVar("Answer")
Ask = Callable[["ClientSession"], Awaitable[Answer]]


class ServerDown(Exception):
    """The server cannot be reached, or its session has ended. `sent`: whether the call may have reached it."""

    def __init__(self, why: str, *, sent: bool = False) -> None:
        super().__init__(why)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class _Live:
    """A session, the task that owns it, and how that task is told to end it."""

    session: ClientSession
    owner: asyncio.Task[str]
    ending: asyncio.Event

    async def end(self) -> None:
        """Also of a server that does not let itself be closed."""
        self.ending.set()
        await asyncio.wait({self.owner}, timeout=CLOSE_SECONDS)
        self.owner.cancel()
        await asyncio.wait({self.owner}, timeout=CLOSE_SECONDS)


class McpServer:
    """One configured server. Belongs to one event loop; `close` ends its session and its process."""

    def __init__(self, name: str, entry: ServerEntry) -> None:
        self.name = name
        self.entry = entry
        self._opening = asyncio.Lock()
        self._live: _Live | None = None
        self._down: tuple[float, str] | None = None

    async def tools(self) -> dict[str, Contract]:
        """What the server says now of each of its tools. Raises ServerDown, or what `rpc_errors` names."""
        return await self.ask(_listed, seconds=OPEN_SECONDS, again=True)

    async def call(self, tool: str, arguments: Mapping[str, Any], *, again: bool) -> CallToolResult:
        """`again`: it only reads, so it may be sent once more when the session dies. Raises as `tools` does."""
        from mcp import types

        request = types.ClientRequest(
            types.CallToolRequest(params=types.CallToolRequestParams(name=tool, arguments=dict(arguments)))
        )

        async def send(session: ClientSession) -> CallToolResult:
            # Not call_tool: it checks results in its own way, and lists the tools behind our back.
            return await session.send_request(request, types.CallToolResult)

        return await self.ask(send, seconds=None, again=again)

    async def ask(self, ask: Ask[Answer], *, seconds: float | None, again: bool) -> Answer:
        """Raises ServerDown. A session that is dead already is opened again, one that dies meanwhile if `again`."""
        live = await self._opened()
        try:
            return await _asked(live, ask, seconds)
        except ServerDown as down:
            await self._drop(live)
            if down.sent and not again:
                raise
        return await _asked(await self._opened(), ask, seconds)

    async def close(self) -> None:
        if self._live is not None:
            await self._drop(self._live)

    async def _drop(self, live: _Live) -> None:
        """Ends a session; one that somebody else has opened meanwhile stays."""
        if self._live is live:
            self._live = None
        await live.end()

    async def _opened(self) -> _Live:
        async with self._opening:
            if self._live is not None and not self._live.owner.done():
                return self._live
            now = asyncio.get_running_loop().time()
            if self._down is not None and now < self._down[0]:
                raise ServerDown(self._down[1])
            try:
                self._live = await self._open()
            except ServerDown as down:
                self._down = (now + LEFT_ALONE_SECONDS, str(down))
                raise
            self._down = None
            return self._live

    async def _open(self) -> _Live:
        opened: asyncio.Future[ClientSession] = asyncio.get_running_loop().create_future()
        ending = asyncio.Event()
        owner = asyncio.create_task(self._own(opened, ending), name=f"mcp {self.name}")
        both: set[asyncio.Future[Any]] = {opened, owner}
        try:
            done, _ = await asyncio.wait(both, timeout=OPEN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if opened in done:
                return _Live(opened.result(), owner, ending)
        except BaseException:
            owner.cancel()
            raise
        why = owner.result() if owner in done else f"it gave no answer in {OPEN_SECONDS:g} s"
        owner.cancel()
        await asyncio.wait({owner}, timeout=CLOSE_SECONDS)
        raise ServerDown(why)

    async def _own(self, opened: asyncio.Future[ClientSession], ending: asyncio.Event) -> str:
        """The task that a session belongs to. Returns why it ended."""
        from mcp import ClientSession

        try:
            async with self._transport() as (read, write), ClientSession(read, write) as session:
                await session.initialize()
                opened.set_result(session)
                await ending.wait()
        except Exception as error:  # noqa: BLE001 - whatever a server does to its session, that server is off, no more
            return _cause(error)
        return "it was ended"

    @asynccontextmanager
    async def _transport(self) -> AsyncIterator[tuple[Any, Any]]:
        if self.entry.url is None:
            async with self._command() as streams:
                yield streams
            return
        import httpx
        from mcp.client.streamable_http import streamable_http_client

        headers = {name: os.environ.get(variable, "") for name, variable in self.entry.headers.items()}
        if missing := [self.entry.headers[name] for name, value in headers.items() if not value]:
            raise ServerDown(f"{', '.join(missing)} is not set")
        timeout = httpx.Timeout(OPEN_SECONDS, read=None)  # a call's own timeout ends it
        async with (
            httpx.AsyncClient(headers=headers, timeout=timeout) as client,
            streamable_http_client(self.entry.url, http_client=client) as (read, write, _),
        ):
            yield read, write

    @asynccontextmanager
    async def _command(self) -> AsyncIterator[tuple[Any, Any]]:
        from mcp import StdioServerParameters
        from mcp.client.stdio import stdio_client

        given = {name: os.environ[name] for name in self.entry.env if name in os.environ}
        parameters = StdioServerParameters(command=self.entry.command or "", args=self.entry.args, env=given)
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123, ASYNC230 - it is no file
            async with stdio_client(parameters, errlog=nowhere) as streams:
                yield streams


async def _asked(live: _Live, ask: Ask[Answer], seconds: float | None) -> Answer:
    """The answer, or ServerDown: over, silent for too long, or gone."""
    call: asyncio.Future[Answer] = asyncio.ensure_future(ask(live.session))
    pulse = asyncio.create_task(_pulse(live.session))
    both: set[asyncio.Future[Any]] = {call, live.owner}
    try:
        done, _ = await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if call in done:
            return _answer(call)
        why = live.owner.result() if live.owner in done else f"it gave no answer in {seconds or 0:g} s"
        raise ServerDown(why, sent=True)
    finally:
        call.cancel()
        pulse.cancel()
        await asyncio.gather(call, pulse, return_exceptions=True)


async def _pulse(session: ClientSession) -> None:
    """Over HTTP an answer that broke off is silence; another request finds out that nobody is there any more.

    Whether it is answered does not matter: a server may be busy. One that cannot be reached ends the session.
    """
    while True:
        await asyncio.sleep(PULSE_SECONDS)
        with suppress(*rpc_errors(), *_over()):
            await session.send_ping()


def _answer(call: asyncio.Future[Answer]) -> Answer:
    """Raises ServerDown for the ways in which the SDK says that a session is over."""
    from mcp import McpError

    try:
        return call.result()
    except _over() as error:
        raise ServerDown("its session is over") from error
    except McpError as error:
        over = error.error.code == _CONNECTION_CLOSED or error.error.message == _TERMINATED
        if over:
            raise ServerDown("it closed the connection", sent=error.error.message != _TERMINATED) from error
        raise


def _over() -> tuple[type[Exception], ...]:
    """How the SDK says that nothing can be sent any more."""
    import anyio

    return anyio.ClosedResourceError, anyio.BrokenResourceError


def rpc_errors() -> tuple[type[Exception], ...]:
    """What a live server can answer instead of a result: an error, or something of another shape."""
    from mcp import McpError
    from pydantic import ValidationError

    return McpError, ValidationError, UnexpectedAnswer


class UnexpectedAnswer(Exception):
    """More than can be taken."""


async def _listed(session: ClientSession) -> dict[str, Contract]:
    from mcp import types

    found: dict[str, Contract] = {}
    cursor: str | None = None
    while True:
        page = await session.list_tools(params=types.PaginatedRequestParams(cursor=cursor) if cursor else None)
        found |= {tool.name: contract_of(tool) for tool in page.tools}
        if len(found) > MOST_TOOLS:
            raise UnexpectedAnswer(f"it lists more than {MOST_TOOLS} tools")
        if not page.nextCursor or page.nextCursor == cursor:
            return found
        cursor = page.nextCursor


def contract_of(tool: Any) -> Contract:
    """What the SDK read, as plain JSON."""
    annotations = tool.annotations.model_dump(mode="json", exclude_none=True) if tool.annotations else {}
    return Contract(
        storable_text(tool.description or ""),
        storable(tool.inputSchema),
        storable(tool.outputSchema),
        storable(annotations),
    )


def _cause(error: BaseException) -> str:
    """The first cause in what task groups make of it, on one line."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return short(str(error)) or type(error).__name__


def short(text: str) -> str:
    line = " ".join(storable_text(text).split())
    return line if len(line) <= _SAID else line[: _SAID - 1] + "…"
