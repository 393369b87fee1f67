"""The log of outcomes: what became of each scored proposal, and what was said of it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg.types.json import Json

from core.actions import Score
from core.controls import Coin
from core.events import Event
from core.ports import CallSite, Scored
from core.vocabulary import Environment, Reason, Verdict
from escalation.audit import probability, toss
from escalation.control_quality import audits_doubled
from escalation.standing import Labelled
from store.database import Connection, Pool
from store.events import append, lock_thread
from store.sql import query
from store.standings import Place, acted_alone, hold, label, quality_of

_UNSAID: Final = dict.fromkeys((
    "review", "final_hash", "answer", "diff", "verdict", "reason_code", "note", "counted", "judged_by", "chance",
    "proposal_id", "artifact", "score", "parts", "threshold", "why", "floor", "propensity",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunOutcomes:
    """core.ports.Outcomes for the runs of one thread. `versions`: task type -> behaviour version."""

    pool: Pool
    environment: Environment
    versions: Mapping[str, str]
    chance: Callable[[], float] = random.SystemRandom().random

    async def alone(self, site: CallSite, scored: Scored) -> Coin | None:
        place = Place(site.tenant, self.environment, scored.task_type, self.versions.get(scored.task_type, ""))
        async with self.pool.connection() as connection, connection.transaction():
            thread = await lock_thread(connection, site.thread_id)
            asked = {"thread_id": site.thread_id, "proposal_id": scored.proposal}
            if (known := await (await connection.execute(query("outcome_known"), asked)).fetchone()) is not None:
                return Coin(known["propensity"], known["chance"], known["audited"]) if known["alone"] else None
            row = await hold(connection, place, scored.risk)
            if not _stands(row, scored):
                return None
            coin = toss(probability(row["since_raise"], audits_doubled(quality_of(row).band)), self.chance())
            number = await insert(connection, _alone(site, place, scored, coin))
            if coin.audited:
                await connection.execute(
                    query("audit_insert"), {"tenant": site.tenant, "outcome": number, "planted": False}
                )
            said = await acted_alone(connection, row, site.thread_id)
            if said:
                await append(connection, thread, said)
            return coin


def _stands(row: Mapping[str, Any], scored: Scored) -> bool:
    """Whether what the decision rested on is still there: it was read before, and an audit may have come since."""
    if row["era"] != scored.era:
        return False
    within = row["threshold"] is not None and scored.score.total <= row["threshold"]
    return within or row["waived"] not in (None, "matrix")


def _alone(site: CallSite, place: Place, scored: Scored, coin: Coin) -> dict[str, Any]:
    return {
        **place._asdict(),
        "thread_id": site.thread_id,
        "proposal_id": scored.proposal,
        "proposal_hash": scored.action_hash,
        "final_hash": scored.action_hash,
        "artifact": scored.artifact,
        "changed": False,
        "alone": True,
        **columns(scored.score),
        "floor": coin.probability,
        "era": scored.era,
        "propensity": coin.probability,
        "chance": coin.chance,
        "audited": coin.audited,
        "actor": "agent",
    }


def columns(score: Score) -> dict[str, Any]:
    """A score in the columns of its outcome."""
    parts = {name: getattr(score, name) for name in ("low_confidence", "novelty", "historical_need")}
    return {"score": score.total, "parts": Json(parts), "threshold": score.threshold, "why": Json(list(score.reasons))}


async def insert(connection: Connection, row: Mapping[str, Any]) -> int | None:
    """The number of a new outcome; None when its proposal has one already."""
    given = {**_UNSAID, "era": 0, "audited": False, **row}
    found = await (await connection.execute(query("outcome_insert"), given)).fetchone()
    return None if found is None else int(found["id"])


@dataclass(frozen=True, slots=True)
class Earning:
    """What a review request says of the evidence that its decision is. See nodes/escalation_score.py."""

    score: Score
    artifact: str
    floor: float
    era: int
    risk: str
    counts: bool

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Earning | None:
        """None for a review of anything but a scored proposal."""
        if not request.get("score") or not (said := request.get("earning")):
            return None
        return cls(Score.model_validate(request["score"]), **said)


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of the agent's own proposal."""

    verdict: Verdict
    reason: Reason | None = None
    note: str = ""


async def decided(
    connection: Connection, row: Mapping[str, Any], earning: Earning | None, word: Word
) -> tuple[Event, ...]:
    """Enter what a person decided; `row` is what is known of any decision. What it changed, as events of the thread."""
    said = {"verdict": word.verdict, "reason_code": word.reason, "note": word.note or None, "judged_by": row["actor"]}
    if earning is None or not row["behaviour_version"]:
        await insert(connection, {**row, **said, "alone": False})
        return ()
    place = Place(*(row[name] for name in Place._fields))
    held = await hold(connection, place, earning.risk)
    scored = columns(earning.score) | {
        "artifact": earning.artifact,
        "floor": earning.floor,
        "era": earning.era,
        "propensity": 1.0,
        "counted": held["counted"] + 1 if earning.counts else None,
    }
    number = await insert(connection, {**row, **said, **scored, "alone": False})
    if number is None or not earning.counts:
        return ()
    outcome = Labelled(earning.score.total, word.verdict, 1.0, earning.floor, False, earning.era)
    return tuple(await label(connection, held, outcome, row["thread_id"]))


class OutcomeStore:
    """The log over a pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def newest(self, tenant: str | None, task_type: str | None, limit: int) -> Sequence[dict[str, Any]]:
        asked = {"tenant": tenant, "task_type": task_type, "limit": limit}
        async with self._pool.connection() as connection:
            return await (await connection.execute(query("outcome_list"), asked)).fetchall()

    async def log(self) -> AsyncIterator[dict[str, Any]]:
        """Every labelled outcome, certificate by certificate in its order; in bounded memory."""
        async with (
            self._pool.connection() as connection,
            connection.transaction(),
            connection.cursor(name="outcomes") as cursor,
        ):
            cursor.itersize = 10_000
            await cursor.execute(query("outcome_log"))
            async for row in cursor:
                yield row

    async def enter(self, result: Mapping[str, Any]) -> bool:
        """One imported result, and what it says of the thread's outcomes; False when it was known. It moves no
        certificate: nobody drew a coin for what is looked at here. `result` has the columns of its table."""
        async with self._pool.connection() as connection, connection.transaction():
            if (await connection.execute(query("result_insert"), result)).rowcount != 1:
                return False
            await connection.execute(query("result_applied"), result)
            return True

    async def thread_of(self, thread: str, site: str, slug: str) -> dict[str, Any] | None:
        """id and tenant of the thread, or of the newest one of the page."""
        asked = {"id": thread or None, "site": site, "slug": slug}
        async with self._pool.connection() as connection:
            return await (await connection.execute(query("result_threads"), asked)).fetchone()
