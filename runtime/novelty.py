"""Builds the index of past tasks again, from what the events say was decided."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.actions import Ref
from core.domain import Domain
from core.errors import ToolError
from core.events import ChainedEvent
from nodes.views import load_view
from runtime.wiring import Application
from store.sql import query


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """`left_out`: past tasks whose content is no longer kept. `failure`: why it was given up; empty when it was not."""

    remembered: int
    left_out: int
    failure: str


@dataclass(frozen=True, slots=True)
class PastTask:
    """A decision that took effect, and the results there were when it was made."""

    action: str
    results: Mapping[str, str]


async def rebuild(app: Application) -> Rebuilt:
    """Remember every decision that took effect once more; what is in the index already is replaced."""
    remembered, left_out = 0, 0
    async for thread in _threads(app):
        domain = app.domain(thread["domain"])
        for task in past_tasks_of(domain, await app.threads.timeline(thread["id"])):
            try:
                situation = await _situation(app, domain, thread["task"], task)
            except ToolError:
                left_out += 1
                continue
            failure = await app.novelty.remember(thread["tenant"], task.action, thread["id"], situation)
            if failure:
                return Rebuilt(remembered, left_out, failure)
            remembered += 1
    return Rebuilt(remembered, left_out, "")


def past_tasks_of(domain: Domain, events: Sequence[ChainedEvent]) -> list[PastTask]:
    """Pure: follows the results through the events, as tool_execution keeps them."""
    found: list[PastTask] = []
    results: dict[str, str] = {}
    for stored in events:
        spec = domain.tools.get(str(stored.body.get("action"))) if stored.kind == "tool_result" else None
        if spec is None:
            continue
        if spec.decision_point:
            found.append(PastTask(spec.name, dict(results)))
        results = {name: digest for name, digest in results.items() if name not in spec.invalidates}
        results |= stored.body["results"]
    return found


async def _situation(app: Application, domain: Domain, task: Mapping[str, Any], past: PastTask) -> str:
    media = await _media(app, task["tenant"], list(past.results.values()))
    refs = {name: Ref(sha256=digest, media=media.get(digest, "")) for name, digest in past.results.items()}
    return domain.situation(await load_view(app.artifacts, domain.reads, task, refs), past.action)


async def _media(app: Application, tenant: str, sha256s: Sequence[str]) -> dict[str, str]:
    async with app.pool.connection() as connection:
        cursor = await connection.execute(query("artifact_media"), {"tenant": tenant, "sha256s": sha256s})
        return {row["sha256"]: row["media"] for row in await cursor.fetchall()}


async def _threads(app: Application) -> AsyncIterator[dict[str, Any]]:
    after = ""
    while True:
        async with app.pool.connection() as connection:
            rows = await (await connection.execute(query("thread_tasks"), {"after": after, "limit": 500})).fetchall()
        if not rows:
            return
        for row in rows:
            yield row
        after = rows[-1]["id"]
