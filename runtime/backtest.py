"""What if: recorded decisions once more under other rules, weights or another threshold. The graph is not run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from core.errors import BadInput
from core.events import ChainedEvent
from escalation.what_if import rescored
from policy.facts import Facts
from runtime.wiring import Application
from store.sql import query

if TYPE_CHECKING:
    from policy.gate import CedarGate

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What is supposed; None: as it was."""

    gate: CedarGate | None = None
    weights: Mapping[str, float] | None = None
    threshold: float | None = None


class Otherwise(NamedTuple):
    """A decision that would have come out differently. `by`: the rules, or the score."""

    thread_id: str
    seq: int
    action: str
    was: str
    instead: str
    by: str


@dataclass(slots=True)
class Found:
    threads: int = 0
    decisions: int = 0
    otherwise: list[Otherwise] = field(default_factory=list)
    unreadable: int = 0
    """Decisions whose facts another release recorded."""


async def backtest(app: Application, what_if: WhatIf, thread_id: str | None, since: datetime | None) -> Found:
    """One thread, or all that were started `since` then (None: ever)."""
    found = Found()
    async for each in _threads(app, thread_id, since):
        found.threads += 1
        judge(found, each, await app.threads.timeline(each), what_if)
    return found


def judge(found: Found, thread_id: str, events: Iterable[ChainedEvent], what_if: WhatIf) -> None:
    """Count the decisions of one thread. Pure but for `found`."""
    for stored in events:
        if not ((stored.kind == "policy_check" and stored.body["facts"]) or stored.kind == "escalation"):
            continue
        found.decisions += 1
        try:
            was, instead, by = _again(stored, what_if)
        except BadInput:
            found.unreadable += 1
            continue
        if was != instead:
            found.otherwise.append(Otherwise(thread_id, stored.seq, stored.body["action"], was, instead, by))


def _again(stored: ChainedEvent, what_if: WhatIf) -> tuple[str, str, str]:
    """(what it came to, what it would come to, by what)"""
    body = stored.body
    if stored.kind == "escalation":
        now = rescored(body, what_if.weights, what_if.threshold)
        return body["band"], now.band, f"score {body['total']:.2f} → {now.total:.2f}"
    if what_if.gate is None:
        return body["outcome"], body["outcome"], ""
    decision = what_if.gate.decide(Facts.from_json(body["facts"]))
    return body["outcome"], decision.outcome, ", ".join(decision.rules) or "; ".join(decision.reasons)


async def _threads(app: Application, thread_id: str | None, since: datetime | None) -> AsyncIterator[str]:
    if thread_id is not None:
        yield (await app.threads.find(thread_id))["id"]
        return
    after = ""
    while True:
        async with app.pool.connection() as connection:
            chunk = {"since": since, "after": after, "limit": _CHUNK}
            rows = await (await connection.execute(query("replayable"), chunk)).fetchall()
        if not rows:
            return
        for row in rows:
            yield str(row["id"])
        after = rows[-1]["id"]
