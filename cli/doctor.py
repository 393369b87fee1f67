"""doctor: what is set up, what is missing, and how to fix it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from cli.console import out, print_json, safe
from core.errors import AutonomyError
from runtime.emergency import switches
from runtime.index import past_tasks
from runtime.models import choose_model
from runtime.settings import Settings, read_settings
from runtime.wiring import model_settings, open_application


class Finding(NamedTuple):
    """One part of the set-up. `fix` is empty when nothing is to be done."""

    part: str
    status: str
    found: str
    fix: str = ""


async def doctor(json: bool) -> int:
    settings = read_settings()
    findings = [
        _home(settings),
        await _database(settings),
        *await _lockdown(settings),
        await _model(settings),
        *await _alarms(settings),
        _vectors(settings),
        _search(settings),
        _profile(settings),
        *await _mcp(settings),
    ]
    if json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            sign = {"ok": "✓", "limited": "○", "missing": "✗"}[finding.status]
            out().print(safe(f"  {sign} {finding.part:<10} {finding.found}"))
            if finding.fix:
                out().print(safe(f"               {finding.fix}"), style="dim")
    return 1 if any(finding.status == "missing" for finding in findings) else 0


def _home(settings: Settings) -> Finding:
    home = settings.home.expanduser()
    near = next(path for path in (home, *home.parents) if path.exists())
    if os.access(near, os.W_OK):
        return Finding("home", "ok", f"{home}; content in {settings.content}")
    return Finding("home", "missing", f"{home} cannot be written", "set AUTONOMY_HOME to a folder of yours")


async def _database(settings: Settings) -> Finding:
    try:
        async with open_application(settings) as app:
            counts = await app.counts()
    except AutonomyError as error:
        return Finding("database", "missing", str(error))
    where = "DATABASE_URL" if settings.database_url else "embedded"
    held = f"{counts['threads']} threads, {counts['reviews']} waiting"
    return Finding("database", "ok", f"PostgreSQL {counts['server_version']}, {where}; {held}")


async def _lockdown(settings: Settings) -> list[Finding]:
    """Nothing when there is none, and when the database cannot be asked, which is said already."""
    try:
        async with open_application(settings) as app:
            on = await switches(app)
    except AutonomyError:
        return []
    return [Finding("lockdown", "limited", f"on {each}", "autonomy lockdown off") for each in on]


async def _model(settings: Settings) -> Finding:
    try:
        choice = await choose_model(model_settings(settings), {})
    except AutonomyError as error:
        return Finding("model", "missing", str(error))
    if choice.kind == "offline":
        return Finding("model", "limited", f"{choice.label}, {choice.reason}", "set OPENAI_API_KEY or OPENAI_BASE_URL")
    if choice.kind == "openai" and choice.label not in settings.prices:
        unknown = f"{choice.label}, {choice.reason}; its price is unknown, so it counts as free"
        return Finding("model", "limited", unknown, "set AUTONOMY_PRICES, see .env.example")
    return Finding("model", "ok", f"{choice.label}, {choice.reason}")


async def _alarms(settings: Settings) -> list[Finding]:
    """A line for each alarm that stands: autonomy that was taken back, and what has shifted since it was earned."""
    from runtime.drift import alarms

    try:
        async with open_application(settings) as app:
            standing = await alarms(app)
    except AutonomyError:
        return []
    return [Finding("autonomy", "limited", each.words, each.then) for each in standing]


async def _mcp(settings: Settings) -> list[Finding]:
    """A line for each server; none without a registry."""
    if settings.mcp is None:
        return []
    from cli.mcp_servers import standing
    from runtime.mcp import open_mcp

    try:
        tools = open_mcp(settings.mcp)
    except AutonomyError as error:
        return [Finding("mcp", "missing", str(error), "fix the file, or unset AUTONOMY_MCP")]
    try:
        states = await standing(tools)
    finally:
        await tools.close()
    of = {name: [(each.name, why) for each, why in states if each.server == name] for name in tools.servers}
    return [_mcp_server(name, listed) for name, listed in of.items()]


def _mcp_server(server: str, tools: Sequence[tuple[str, str]]) -> Finding:
    off = [f"{name} is off, {why}" for name, why in tools if why]
    found = f"{server}: {len(tools) - len(off)} of {len(tools)} tools on" + "".join(f"; {each}" for each in off)
    fix = f"look at it with: autonomy mcp review {server}"
    return Finding("mcp", "limited", found, fix) if off else Finding("mcp", "ok", found)


def _vectors(settings: Settings) -> Finding:
    try:
        index = past_tasks(settings)
    except AutonomyError as error:
        return Finding("vectors", "missing", str(error))
    if broken := index.check():
        away = "start it" if settings.chroma_url else f"move {index.place} away"
        return Finding("vectors", "missing", broken, f"{away}, then: autonomy novelty rebuild")
    return Finding("vectors", "ok", f"Chroma in {index.place}, {index.embedder.name} embedding")


def _search(settings: Settings) -> Finding:
    from runtime import seo

    bundled = f"{len(seo.snapshots().keywords())} bundled keywords"
    if settings.serper_api_key is not None:
        return Finding("search", "ok", f"Serper at {settings.serper_base_url}; {bundled}")
    scraped = "DuckDuckGo (not Google)" if settings.ddgs == "on" else "no live search"
    return Finding("search", "limited", f"{scraped}; {bundled}", "set SERPER_API_KEY, or give --serp FILE")


def _profile(settings: Settings) -> Finding:
    from runtime import seo

    path = settings.profile or seo.bundled_profile()
    try:
        company = seo.read_profile(path).company
    except AutonomyError as error:
        return Finding("profile", "missing", str(error), "fix the file, or unset AUTONOMY_PROFILE")
    if settings.profile is None:
        return Finding(
            "profile", "limited", f"{company}, the example that ships along", "set AUTONOMY_PROFILE to your own"
        )
    return Finding("profile", "ok", f"{company}, {path}")
