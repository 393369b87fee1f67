"""What is left of each limit: of an agent, and of one thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from policy.budgets import Limit, Need, Spender, ends, scope_of, window_of
from runtime.wiring import Application
from store.spending import agent_of
from store.sql import query

AGENTS: Final = 100


class Standing(NamedTuple):
    """One limit as it stands. `of`: the agent or the thread. `more_at`: when its window ends by itself."""

    of: str
    name: str
    says: str
    most: int
    granted: int
    used: int
    reserved: int
    more_at: datetime | None

    @property
    def left(self) -> int:
        return max(0, self.most + self.granted - self.used - self.reserved)


async def of_agents(app: Application) -> list[Standing]:
    """The limits of every agent that has a thread."""
    async with app.pool.connection() as connection:
        rows = await (await connection.execute(query("spend_agents"), {"limit": AGENTS})).fetchall()
    installed = [row for row in rows if row["domain"] in app.parts.domains]
    return [each for row in installed for each in await _standing(app, row["domain"], row["tenant"], None)]


async def of_thread(app: Application, thread: Mapping[str, Any]) -> list[Standing]:
    """The limits of a thread, those of its agent among them."""
    return await _standing(app, thread["domain"], thread["tenant"], thread["id"])


async def _standing(app: Application, domain: str, tenant: str, thread: str | None) -> list[Standing]:
    at, limits = datetime.now(UTC), app.limits(domain)
    spender = Spender(agent_of(tenant, domain), thread or "")
    needs = [_need(limit, spender, at) for limit in limits if limit.per == "agent" or thread is not None]
    async with app.pool.connection() as connection:
        asked = {"scopes": [need.scope for need in needs], "windows": [need.window for need in needs]}
        rows = await (await connection.execute(query("spend_list"), asked)).fetchall()
    known = {(row["scope"], row["unit"], row["window"]): row for row in rows}
    counted = await _counters(app, thread) if thread is not None else {}
    return [_of(need, known.get(need.row.key), counted.get(need.limit.unit, 0), at) for need in needs]


def _need(limit: Limit, spender: Spender, at: datetime) -> Need:
    return Need(limit, scope_of(limit.per, spender), window_of(limit.window, at), 0)


def _of(need: Need, row: Mapping[str, Any] | None, counted: int, at: datetime) -> Standing:
    limit, spent = need.limit, row or need.row._asdict() | {"granted": 0}
    of = "thread" if limit.per in ("thread", "proposal", "call") else need.scope
    return Standing(
        of, limit.name, limit.says, limit.most, spent["granted"], spent["used"] + counted, spent["reserved"],
        ends(limit.window, at),
    )  # fmt: skip


async def _counters(app: Application, thread: str) -> dict[str, int]:
    """What the run itself counts: steps, attempts, and how often the last proposal was repeated."""
    from runtime.running import run_config  # brings LangGraph, for which limits of agents need not wait

    found = await app.parts.saver(app.pool, thread, 0).aget_tuple(run_config(thread))
    values = found.checkpoint["channel_values"] if found else {}
    proposed: Sequence[str] = values.get("proposed") or ()
    repeats = proposed.count(proposed[-1]) if proposed else 0
    return {**(values.get("counters") or {}), "repeats": repeats}
