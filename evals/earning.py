"""Verdicts that nobody gave: a task type's record made quickly, through the transactions that real ones go through."""

from __future__ import annotations

import uuid

from core.actions import Score
from core.ports import CallSite, Scored
from core.vocabulary import Verdict
from store.audits import AuditStore
from store.database import Pool
from store.events import append, lock_thread
from store.outcomes import Earning, RunOutcomes, Word, decided
from store.standings import Place

SCORE = 0.48


def scored(total: float = SCORE, threshold: float | None = None, novelty: float = 1.0) -> Score:
    """With this total, and as much novelty as that allows: what is certified on it is certified for new tasks too."""
    new = min(novelty, 3 * total)
    parts = {"low_confidence": (3 * total - new) / 2, "novelty": new, "historical_need": (3 * total - new) / 2}
    return Score(**parts, total=total, threshold=threshold, band="review", reasons=("simulated",))


async def judged(
    pool: Pool,
    thread_id: str,
    place: Place,
    verdict: Verdict = "right",
    count: int = 1,
    artifact: str = "",
    **said: float,
) -> None:
    """`count` simulated decisions of people on proposals of one task type. `artifact`: SHA-256 of the proposal."""
    for _ in range(count):
        row = {
            **place._asdict(), "thread_id": thread_id, "proposal_id": uuid.uuid4().hex, "proposal_hash": "simulated",
            "answer": "approve", "changed": verdict != "right", "actor": "simulated",
        }  # fmt: skip
        score = scored(said.get("score", SCORE), novelty=said.get("novelty", 1.0))
        earning = Earning(score, artifact, said.get("floor", 1.0), int(said.get("era", 0)), "normal", True)
        async with pool.connection() as connection, connection.transaction():
            thread = await lock_thread(connection, thread_id)
            await append(connection, thread, await decided(connection, row, earning, Word(verdict)))


async def ran_alone(pool: Pool, thread_id: str, place: Place, chance: float = 0.0, era: int = 0) -> bool:
    """A simulated proposal that is about to run alone; whether it may."""
    outcomes = RunOutcomes(pool, place.environment, {place.task_type: place.behaviour_version}, lambda: chance)
    about = Scored(place.task_type, uuid.uuid4().hex, "simulated", "", scored(), era, "normal")
    return await outcomes.alone(CallSite(place.tenant, thread_id, "t"), about) is not None


async def audited(pool: Pool, verdict: Verdict, most: int = 1000) -> int:
    """Answer every open audit; how many there were."""
    store = AuditStore(pool)
    waiting = await store.waiting(None, most)
    for row in waiting:
        await store.judge(row["number"], Word(verdict), "simulated", False)
    return len(waiting)
