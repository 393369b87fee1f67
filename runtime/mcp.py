"""MCP servers in the runtime: which of their tools a domain gets, which are off and why."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from core.canonical import sha256
from core.domain import Domain
from core.errors import BadInput
from core.ports import Tool
from core.tools import ToolSpec
from domains.extended import ExtendedDomain
from tools.mcp import McpTool
from tools.mcp_registry import (
    Contract,
    Registry,
    Reviewed,
    ToolEntry,
    name_of,
    read_registry,
    read_reviewed,
    reviewed_file,
)
from tools.mcp_review import spec_of
from tools.mcp_sessions import McpServer, ServerDown, rpc_errors

NOT_REVIEWED: Final = "it was not reviewed"


class Listed(NamedTuple):
    """One tool of the registry. `off`: why it can't be used, empty when it can; then there is no `spec`."""

    server: str
    tool: str
    name: str
    entry: ToolEntry
    contract: Contract | None
    spec: ToolSpec | None
    off: str


@dataclass(frozen=True, slots=True)
class McpTools:
    """All configured servers. Belongs to one event loop."""

    listed: tuple[Listed, ...] = ()
    servers: Mapping[str, McpServer] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Hash of everything declared and reviewed: part of the release; empty without a server."""
        usable = [(each.name, each.spec.fingerprint()) for each in self.listed if each.spec is not None]
        return sha256(usable) if usable else ""

    def extended(self, domain: Domain, off: Mapping[str, str] | None = None) -> Domain:
        """`domain` with the tools that the registry gives it; those in `off` are not offered."""
        ours = self._of(domain)
        if not ours:
            return domain
        origins = {each.name: f"the MCP server {each.server}" for each in ours}
        more = {each.name: spec for each in ours if (spec := each.spec)}
        return ExtendedDomain(domain, more, origins, {} if off is None else off)

    def adapters(self, domain: Domain) -> dict[str, Tool]:
        """Tool name -> adapter, for the tools that `extended` adds."""
        return {
            each.name: McpTool(self.servers[each.server], each.tool, each.spec, each.contract)
            for each in self._of(domain)
            if each.spec is not None and each.contract is not None
        }

    async def off(self, domain: Domain) -> dict[str, str]:
        """The domain's tools that can't be used at this moment: tool name -> why."""
        states = await self.states({each.server for each in self._of(domain)})
        return {each.name: why for each in self._of(domain) if (why := self.why_off(each, states[each.server]))}

    async def states(self, servers: set[str]) -> dict[str, Mapping[str, Contract] | str]:
        """Server -> what it says of its tools now, or why it can't be asked. All at once."""
        names = sorted(servers)
        return dict(zip(names, await asyncio.gather(*(state(self.servers[name]) for name in names)), strict=True))

    def why_off(self, each: Listed, now: Mapping[str, Contract] | str) -> str:
        """Why a tool can't be used, given what its server says; empty when it can."""
        if each.off or isinstance(now, str):
            return each.off or str(now)
        if (found := now.get(each.tool)) is None:
            return "its server does not have it any more"
        changed = each.contract is None or found.fingerprint != each.contract.fingerprint
        return "it has changed since it was reviewed" if changed else ""

    async def close(self) -> None:
        await asyncio.gather(*(server.close() for server in self.servers.values()))

    def _of(self, domain: Domain) -> list[Listed]:
        mine = [each for each in self.listed if domain.name in each.entry.domains and each.spec is not None]
        return [each for each in mine if each.name not in domain.tools]


async def state(server: McpServer) -> Mapping[str, Contract] | str:
    try:
        return await server.tools()
    except ServerDown as down:
        return f"its server is not to be had: {down}"
    except rpc_errors() as error:
        return f"its server does not list its tools: {error}"[:400]


def open_mcp(path: Path | None) -> McpTools:
    """The servers of a registry, not yet opened; none without a file. Raises BadInput for a file that can't be used."""
    if path is None:
        return McpTools()
    registry = read_registry(path)
    listed = judged(registry, read_reviewed(reviewed_file(path)))
    return McpTools(tuple(listed), {name: McpServer(name, entry) for name, entry in registry.servers.items()})


def judged(registry: Registry, reviewed: Reviewed) -> list[Listed]:
    """Every tool of the registry with what became of it. Pure."""
    return [
        _judged(Listed(server, tool, name_of(server, tool, said), said, reviewed.get(server, {}).get(tool), None, ""))
        for server, entry in registry.servers.items()
        for tool, said in entry.tools.items()
    ]


def _judged(each: Listed) -> Listed:
    if each.contract is None:
        return each._replace(off=NOT_REVIEWED)
    try:
        return each._replace(spec=spec_of(each.server, each.tool, each.entry, each.contract))
    except BadInput as error:
        return each._replace(off=str(error))


def with_reviewed(reviewed: Reviewed, server: str, tools: Mapping[str, Contract]) -> Reviewed:
    """`reviewed` with `tools` as they were looked at now. Pure."""
    return {**reviewed, server: {**reviewed.get(server, {}), **tools}}
