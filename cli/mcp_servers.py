"""mcp list and review: what the registry gives to agents, and what a person has looked at."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from cli.console import out, print_json, program, safe
from core.errors import BadInput, Unavailable
from runtime.mcp import Listed, McpTools, open_mcp, state, with_reviewed
from runtime.settings import read_settings
from runtime.wiring import DOMAINS
from tools.mcp_registry import Contract, read_registry, read_reviewed, reviewed_file, write_reviewed
from tools.mcp_review import difference, hints


async def listed(json: bool) -> int:
    tools = open_mcp(_path())
    try:
        rows = [_row(each, why) for each, why in await standing(tools)]
    finally:
        await tools.close()
    if json:
        print_json(rows)
        return 0
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("tool", "server", "tier", "egress", "for", "state"):
        table.add_column(column, overflow="fold")
    for row in rows:
        told = (row["name"], row["server"], row["tier"] or "", "yes" if row["egress"] else "no")
        table.add_row(*(safe(cell) for cell in (*told, ", ".join(row["domains"]), row["off"] or "on")))
    out().print(table)
    return 0


async def standing(tools: McpTools) -> list[tuple[Listed, str]]:
    """Each tool of the registry, and why it is off; empty when it is on. Asks every server."""
    states = await tools.states(set(tools.servers))
    return [(each, _misplaced(each) or tools.why_off(each, states[each.server])) for each in tools.listed]


async def review(server: str, only: Sequence[str], yes: bool) -> int:
    path = _path()
    registry, before = read_registry(path), read_reviewed(reviewed_file(path))
    if server not in registry.servers:
        raise BadInput(f"There is no server {server} in {path}; there are {', '.join(registry.servers) or 'none'}.")
    now = await _now(path, server)
    if strange := [name for name in only if name not in now]:
        raise BadInput(f"{server} has no tool {strange[0]}; it has {', '.join(now) or 'none'}.")
    known = registry.servers[server].tools
    chosen = [name for name in now if name in known and (not only or name in only)]
    changed = {name: now[name] for name in chosen if now[name] != before.get(server, {}).get(name)}
    for name, contract in changed.items():
        _print_change(server, name, before.get(server, {}).get(name), contract)
    _print_others(server, known, now)
    if not changed:
        out().print(safe(f"{server}: nothing is new or changed in the tools that the registry names."))
        return 0
    if not (yes or _asked(len(changed))):
        out().print(safe(f"Nothing was accepted. To accept: {program()} mcp review {server} --yes"))
        return 0
    write_reviewed(reviewed_file(path), with_reviewed(before, server, changed))
    out().print(safe(f"Accepted: {', '.join(changed)}. Written to {reviewed_file(path)}"))
    return 0


async def _now(path: Path, server: str) -> Mapping[str, Contract]:
    tools = open_mcp(path)
    try:
        found = await state(tools.servers[server])
    finally:
        await tools.close()
    if isinstance(found, str):
        raise Unavailable(f"{server}: {found}. Run it by hand to see why: {tools.servers[server].entry.where}")
    return found


def _print_change(server: str, name: str, before: Contract | None, now: Contract) -> None:
    out().print(safe(f"{server}/{name}: {'new' if before is None else 'changed since it was reviewed'}"), style="bold")
    said = ", ".join(f"{hint} {str(value).lower()}" for hint, value in hints(now.annotations).items())
    none = "none, so it counts as irreversible unless the registry says otherwise"
    out().print(safe(f"  the server's own hints: {said or none}"))
    for line in difference(before, now).splitlines():
        out().print(safe(f"  {line}"), soft_wrap=True)
    out().print()


def _print_others(server: str, known: Mapping[str, Any], now: Mapping[str, Contract]) -> None:
    if others := [name for name in now if name not in known]:
        out().print(safe(f"{server} also has {', '.join(others)}; the registry does not name them, so they are off."))
    if gone := [name for name in known if name not in now]:
        out().print(safe(f"{server} does not have {', '.join(gone)}, which the registry names."))


def _asked(count: int) -> bool:
    """What a person says; nobody is asked where nobody sits."""
    return sys.stdin.isatty() and typer.confirm(f"Accept {count} as shown?", default=False)


def _misplaced(each: Listed) -> str:
    """Why a tool reaches no domain, or not one that it names."""
    for name in each.entry.domains:
        if name not in DOMAINS:
            return f"there is no domain {name}"
        if each.name in DOMAINS[name]().DOMAIN.tools:
            return f"the domain {name} has a tool of its own called {each.name}"
    return ""


def _path() -> Path:
    if (path := read_settings().mcp) is None:
        raise BadInput("AUTONOMY_MCP is not set; it is the registry of MCP servers. See docs/mcp.md")
    return path


def _row(each: Listed, why: str) -> dict[str, Any]:
    return {
        "name": each.name,
        "server": each.server,
        "tool": each.tool,
        "domains": each.entry.domains,
        "tier": each.spec.tier if each.spec else None,
        "egress": each.spec.egress if each.spec else each.entry.egress,
        "off": why,
    }
