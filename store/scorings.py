"""How task types are scored where something was learned from their outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from psycopg.types.json import Json

from escalation.scoring import Scoring, base_of, is_learned, named, with_scoring
from store.database import Connection, Pool
from store.sql import query
from store.standings import Change, Place, hold, store

MOST_LABELS: Final = 5_000
"""The latest labelled outcomes that are learned from."""


class Made(NamedTuple):
    """A task type at a behaviour version without what was learned of it."""

    tenant: str
    environment: str
    task_type: str
    base: str


class ScoringStore:
    """Learned scorings over a pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def active(self, tenant: str | None) -> dict[Made, str]:
        """What is in use -> its behaviour version; None: of everybody."""
        rows = await self._rows("scoring_active", {"tenant": tenant})
        return {
            Made(row["tenant"], row["environment"], row["task_type"], row["made_of"]): row["version"] for row in rows
        }

    async def in_use(self, tenant: str, environment: str, bases: Mapping[str, str]) -> dict[str, str]:
        """Task type -> the behaviour version that new threads are run by. `bases`: those without what was learned."""
        known = await self.active(tenant)
        return {name: known.get(Made(tenant, environment, name, base), base) for name, base in bases.items()}

    async def of_versions(self, tenant: str, environment: str, versions: Mapping[str, str]) -> dict[str, Scoring]:
        """The scorings that these behaviour versions name; usual ones are left out, and cost nothing."""
        learned = {name: version for name, version in versions.items() if is_learned(version)}
        if not learned:
            return {}
        asked = {"tenant": tenant, "environment": environment, "versions": list(learned.values())}
        rows = await self._rows("scoring_read", asked)
        kept = {(row["task_type"], row["behaviour_version"]): row["learned"] for row in rows}
        return {name: named(version, kept.get((name, version))) for name, version in learned.items()}

    async def labelled(self, made: Made) -> Sequence[dict[str, Any]]:
        """The labelled outcomes of a task type under whatever scoring, oldest first, each with its proposal."""
        return await self._rows("scoring_labels", {**made._asdict(), "limit": MOST_LABELS})

    async def due(self, needed: int) -> Sequence[dict[str, Any]]:
        """Rows of `standing` with so many labelled outcomes, nothing certified, and nothing ever learned."""
        return await self._rows("scoring_due", {"needed": needed})

    async def adopt(self, was: Place, risk: str, scoring: Scoring, change: Change) -> Place:
        """Score new threads by it from now on; where the task type stands then, which is at nothing if it is new."""
        made = made_of(was)
        place = was._replace(behaviour_version=with_scoring(made.base, scoring))
        row = {**made._asdict(), "version": place.behaviour_version, "by": change.actor}
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(query("scoring_off"), made._asdict())
            await connection.execute(query("scoring_insert"), {**row, "learned": Json(scoring.to_json())})
            await _changed_over(connection, was, place, risk, change)
        return place

    async def put_back(self, was: Place, risk: str, change: Change) -> bool:
        """Score new threads as usual again; whether they were not."""
        made = made_of(was)
        async with self._pool.connection() as connection, connection.transaction():
            if (await connection.execute(query("scoring_off"), made._asdict())).rowcount == 0:
                return False
            await _changed_over(connection, was, was._replace(behaviour_version=made.base), risk, change)
            return True

    async def _rows(self, name: str, asked: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query(name), asked)).fetchall()


def made_of(place: Place) -> Made:
    """Where it stands but for what was learned."""
    return Made(place.tenant, place.environment, place.task_type, base_of(place.behaviour_version))


async def _changed_over(connection: Connection, was: Place, place: Place, risk: str, change: Change) -> None:
    """Control quality goes along: scoring otherwise is no reason to trust more."""
    before = await hold(connection, was, risk)
    held = await hold(connection, place, risk)
    kept = {name: before[name] for name in ("quality", "signals", "since_sync")}
    await store(connection, held, {**held, **kept}, [change])
