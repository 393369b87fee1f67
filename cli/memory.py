"""memory: what the agent is told of the world it works in."""

from __future__ import annotations

from pathlib import Path

from cli.console import local, out, print_json, program, safe, table
from core.memory import Fact
from core.vocabulary import Trust
from runtime import memory as runtime
from runtime.people import local_user
from runtime.settings import read_settings
from runtime.wiring import open_application
from store.memory import PostgresMemory


async def listed(tenant: str, json: bool) -> int:
    async with open_application(read_settings()) as app:
        fused = await PostgresMemory(app.pool).fused(tenant)
    facts = [(each.verdict, fact) for each in fused for fact in ([each.holds] if each.holds else each.over)]
    if json:
        names = ("subject", "value", "source", "trust", "at")
        print_json([{"verdict": verdict, **{name: getattr(fact, name) for name in names}} for verdict, fact in facts])
    elif not facts:
        out().print(
            safe(f"No facts about {tenant} yet. Add one: {program()} memory add SUBJECT VALUE --tenant {tenant}")
        )
    else:
        rows = [
            (fact.subject, fact.value if verdict != "conflict" else f"{fact.value} (contradicted)",
             f"{fact.source} ({fact.trust})", local(fact.at, "%Y-%m-%d"))
            for verdict, fact in facts
        ]  # fmt: skip
        table(("subject", "what holds", "source", "since"), rows)
    return 0


async def add(tenant: str, subject: str, value: str, source: str | None, trust: Trust, at: str | None) -> int:
    fact = Fact(subject, value, source or local_user(), trust, runtime.time_of(at))
    async with open_application(read_settings()) as app:
        new = await runtime.learn(app, tenant, fact)
        about = " ".join(subject.split())
        [fused] = [each for each in await PostgresMemory(app.pool).fused(tenant) if each.subject == about]
    out().print(safe(fused.log if new else f"Known before. {fused.log}"))
    return 0


async def read_in(tenant: str, file: Path, source: str, trust: Trust) -> int:
    async with open_application(read_settings()) as app:
        new = await runtime.read_in(app, tenant, file, source, trust)
    out().print(safe(f"{new} new passages from {file}; the agent sees those that fit its task, as {trust}."))
    return 0
