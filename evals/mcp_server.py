"""An MCP server over streamable HTTP, in a process of its own, that lies, changes, hangs and dies as it is told.

POST /set   {tool: {description, input_schema, output_schema, annotations, answer, structured, error, seconds}}
POST /die   the process ends in the middle of whatever it does
GET  /calls [{tool, arguments}] that were carried out, in order
/mcp        the protocol
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import httpx

from evals.reliability.far_side import started

MODULE: Final = "evals.mcp_server"
READS: Final[dict[str, Any]] = {"readOnlyHint": True}
ONE_TEXT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server in another process."""

    url: str
    client: httpx.Client

    @property
    def endpoint(self) -> str:
        return f"{self.url}/mcp"

    def set(self, **tools: dict[str, Any]) -> None:
        """What the server has from now on; without a word to those who are connected."""
        self.client.post("/set", json=tools).raise_for_status()

    def die(self) -> None:
        with suppress(httpx.HTTPError):  # it does
            self.client.post("/die")

    def forget(self) -> None:
        """The calls so far."""
        self.client.delete("/calls").raise_for_status()

    def calls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get("/calls").raise_for_status().json()
        return found


@contextmanager
def mcp_server(port: int = 0) -> Iterator[RunningServer]:
    """Start a server, on a free port or on the given one, and end it."""
    with started(MODULE, {}, str(port)) as url, httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        yield RunningServer(url, client)


def tool(answer: str = "fine", **changes: Any) -> dict[str, Any]:
    """A harmless tool that takes a text."""
    return {
        "description": "Says something.",
        "input_schema": ONE_TEXT,
        "annotations": READS,
        "answer": answer,
    } | changes


class Told:
    """What the server has been told to be."""

    def __init__(self) -> None:
        self.tools: dict[str, dict[str, Any]] = {}
        self.calls: list[dict[str, Any]] = []

    def listed(self) -> list[Any]:
        from mcp import types

        return [
            types.Tool.model_construct(
                name=name,
                description=each.get("description"),
                inputSchema=each.get("input_schema", ONE_TEXT),
                outputSchema=each.get("output_schema"),
                annotations=types.ToolAnnotations(**each.get("annotations", {})) if "annotations" in each else None,
            )
            for name, each in self.tools.items()
        ]

    async def answer(self, name: str, arguments: dict[str, Any]) -> Any:
        from mcp import types

        each = self.tools[name]
        await asyncio.sleep(each.get("seconds", 0))
        self.calls.append({"tool": name, "arguments": arguments})
        if each.get("dies"):
            os._exit(1)
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=each.get("answer", ""))],
            structuredContent=each.get("structured"),
            isError=each.get("error", False),
        )


def application() -> Any:
    """The Starlette application: the protocol, and how a test steers it."""
    from mcp import types
    from mcp.server.lowlevel import Server
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Mount, Route

    told, server = Told(), Server("steered")

    async def listed(_: Any) -> Any:
        return types.ServerResult(types.ListToolsResult.model_construct(tools=told.listed()))

    async def called(request: Any) -> Any:
        return types.ServerResult(await told.answer(request.params.name, request.params.arguments or {}))

    # The handlers themselves: the decorators would check what is meant to be wrong.
    server.request_handlers[types.ListToolsRequest] = listed
    server.request_handlers[types.CallToolRequest] = called
    sessions = StreamableHTTPSessionManager(server)

    async def set_tools(request: Request) -> JSONResponse:
        told.tools = await request.json()
        return JSONResponse({})

    async def die(_: Request) -> JSONResponse:
        os._exit(1)

    async def calls(request: Request) -> JSONResponse:
        if request.method == "DELETE":
            told.calls.clear()
        return JSONResponse(told.calls)

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        async with sessions.run():
            yield

    routes = [
        Route("/set", set_tools, methods=["POST"]),
        Route("/die", die, methods=["POST"]),
        Route("/calls", calls, methods=["GET", "DELETE"]),
        Mount("/mcp", app=sessions.handle_request),
    ]
    return Starlette(routes=routes, lifespan=running)


def main() -> None:
    """Serve until standard input closes."""
    import uvicorn

    logging.getLogger("mcp").setLevel(logging.CRITICAL)  # a caller that goes away is what this server is for
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", int(sys.argv[1])))
    listening.listen(128)  # before the address is said: whoever reads it may connect
    config = uvicorn.Config(application(), log_level="error")
    threading.Thread(target=_end_with_input, daemon=True).start()
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listening])


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
