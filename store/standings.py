"""Where task types stand: moved in the transaction that records an outcome, under the row's lock.

Lock order: thread, review or audit, operation, standing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from psycopg.types.json import Json

from core.events import Event
from core.vocabulary import Environment, LevelMove
from escalation.audit import Audited, MissRate
from escalation.authority import earned
from escalation.control_quality import BANDS, Quality, after_action, budget_left, coherence, freshness, rate_signal
from escalation.memory import TRUST_ORDER
from escalation.quality_history import POINTS, Called, Point, Seen, over_time
from escalation.revocation import Watch, describe
from escalation.standing import Labelled, beginning, judged, stored
from store.database import Connection, Pool
from store.sql import query

ANY_VERSION: Final = "*"
"""Behaviour version of the row that holds what is lowered whatever the version."""
WINDOW: Final = 50
"""Outcomes and calls that the signals of control quality look back on."""
RUNTIME: Final = "runtime"
_LOOKED_BACK: Final = WINDOW + 4 * POINTS
"""Outcomes and calls that are read to tell the last POINTS moments. Few of them may have a verdict."""


class Place(NamedTuple):
    """Whose standing it is. Evidence from one environment counts in no other."""

    tenant: str
    environment: Environment
    task_type: str
    behaviour_version: str


class Change(NamedTuple):
    """Why a row moves, for its `level_change`."""

    move: LevelMove
    reason: str
    actor: str = RUNTIME
    verified: bool = False


async def hold(connection: Connection, place: Place, risk: str) -> dict[str, Any]:
    """The row of `place`, made if need be, and held until the transaction ends."""
    new = beginning(risk).to_json()
    row = {
        **place._asdict(),
        "risk": risk,
        "certificate": Json(new["certificate"]),
        "watch": Json(new["watch"]),
        "quality": Json(asdict(Quality())),
    }
    held = await (await connection.execute(query("standing_hold"), row)).fetchone()
    if held is None:
        raise LookupError("insert … returning gave no row")
    return held


async def label(connection: Connection, row: Mapping[str, Any], outcome: Labelled, thread_id: str) -> list[Event]:
    """Move a held row by one labelled outcome, which is in the log already; what changed, as events of the thread."""
    standing, alarm = judged(stored(row), outcome)
    after = {**row, **standing.to_json(), "threshold": standing.threshold, "since_sync": 0}
    if alarm is not None:
        after |= {"granted": None, "waived": None, "since_raise": 0}
    elif (standing.threshold or 0.0) > (row["threshold"] or 0.0):
        after["since_raise"] = 0
    after["farthest"] = await _farthest(connection, after)
    changes = [*_of_certificate(row, after, alarm)]
    after, moved = await _measured(connection, row, after)
    return await store(connection, row, after, [*changes, *moved], thread_id)


async def _farthest(connection: Connection, row: Mapping[str, Any]) -> float | None:
    """How new a task may be to be one of those that a certificate speaks of; None without one."""
    if row["threshold"] is None:
        return None
    asked = {name: row[name] for name in (*Place._fields, "era", "threshold")}
    found = await (await connection.execute(query("standing_farthest"), asked)).fetchone()
    return None if found is None else found["novelty"]


async def acted_alone(connection: Connection, row: Mapping[str, Any], thread_id: str) -> list[Event]:
    """Count an action that is about to run alone."""
    after = {**row, **{name: row[name] + 1 for name in ("alone", "since_raise", "since_sync")}}
    after, moved = await _measured(connection, row, after)
    return await store(connection, row, after, moved, thread_id)


async def store(
    connection: Connection,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    changes: list[Change],
    thread_id: str | None = None,
) -> list[Event]:
    """Write a held row, and each change of it where changes are kept for good."""
    json_columns = ("certificate", "watch", "quality", "signals")
    await connection.execute(query("standing_store"), {**after, **{name: Json(after[name]) for name in json_columns}})
    said = []
    for change in changes:
        told = {
            "task_type": after["task_type"],
            "behaviour_version": after["behaviour_version"],
            "change": change.move,
            "old_level": level_of(before),
            "new_level": level_of(after),
            "old_threshold": before["threshold"],
            "new_threshold": after["threshold"],
            "reason": change.reason,
        }
        place = {name: after[name] for name in ("tenant", "environment")}
        by = {"actor": change.actor, "verified": change.verified, "thread_id": thread_id}
        await connection.execute(query("level_change_insert"), told | place | by)
        said.append(Event("level_changed", change.actor, told))
    return said


def level_of(row: Mapping[str, Any]) -> str:
    """What the task type has earned or was granted, before environment and control quality bound it."""
    return row["lowered"] or earned(row["environment"], row["threshold"], row["granted"])


def quality_of(row: Mapping[str, Any]) -> Quality:
    """Raises TypeError for what no release has written."""
    return Quality(**row["quality"])


_COUNTED: Final = ("agreed", "disagreed", "held", "missed", "succeeded", "failed", "spent", "allowed")


async def signals_of(connection: Connection, row: Mapping[str, Any]) -> dict[str, float]:
    """The signals of control quality as they are now. Memory is left at 1 here: readers of a standing look it up."""
    place = {name: row[name] for name in Place._fields}
    found = await (await connection.execute(query("standing_signals"), {**place, "window": WINDOW})).fetchone()
    seen = found or dict.fromkeys(_COUNTED, 0)
    return {
        "agreement": rate_signal(seen["agreed"], seen["disagreed"]),
        "corrections": rate_signal(seen["held"], seen["missed"]),
        "freshness": freshness(row["since_sync"]),
        "irreversibility": budget_left(seen["spent"], seen["allowed"]),
        "memory": coherence(0),
        "failures": rate_signal(seen["succeeded"], seen["failed"]),
    }


async def _measured(
    connection: Connection, before: Mapping[str, Any], after: dict[str, Any]
) -> tuple[dict[str, Any], list[Change]]:
    signals = await signals_of(connection, after)
    was, now = quality_of(before), after_action(quality_of(before), signals)
    after = {**after, "quality": asdict(now), "signals": signals}
    step = BANDS.index(now.band) - BANDS.index(was.band)
    if step == 0:
        return after, []
    reason = f"Control quality went from {was.band} to {now.band}: {now.weakest} stands at {now.value:.2f}."
    return after, [Change("restricted" if step < 0 else "recovered", reason)]


def _of_certificate(before: Mapping[str, Any], after: Mapping[str, Any], alarm: Watch | None) -> list[Change]:
    if alarm is not None:
        return [Change("revoked", describe(alarm))]
    old, new = before["threshold"], after["threshold"]
    if new is None or (old is not None and new <= old):
        return []
    reason = f"The evidence allows acting alone up to a score of {new:.2f}."
    return [Change("certified" if old is None else "raised", reason)]


class StandingStore:
    """Standings over a pool, for people."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def listed(self, tenant: str | None, task_type: str | None, window: int) -> Sequence[dict[str, Any]]:
        """Rows of `standing` with decided and alone_seen among the last `window` outcomes of each."""
        asked = {"tenant": tenant, "task_type": task_type, "window": window}
        return await self._rows("standing_list", asked)

    async def in_force(self, place: Place) -> Sequence[dict[str, Any]]:
        """As runs read it: see `standing_read`."""
        asked = {
            "tenant": place.tenant,
            "environment": place.environment,
            "types": [place.task_type],
            "versions": [place.behaviour_version],
            "trusts": list(TRUST_ORDER),
        }
        return await self._rows("standing_read", asked)

    async def audited(self, place: Place) -> list[Audited]:
        """Audits of what ran alone that were answered, oldest first."""
        return [Audited(**row) for row in await self._rows("standing_audits", place._asdict())]

    async def moments(self, place: Place) -> list[Point]:
        """How the signals of control quality have stood, oldest first."""
        asked = {**place._asdict(), "limit": _LOOKED_BACK}
        outcomes = [Seen(**row) for row in await self._rows("standing_moments", asked)]
        calls = [Called(**row) for row in await self._rows("standing_calls", asked)]
        return over_time(outcomes, calls, WINDOW)

    async def missed(self, tenant: str, task_type: str) -> MissRate:
        """What planted errors say of the reviewers of a task type."""
        [row] = await self._rows("standing_planted", {"tenant": tenant, "task_type": task_type})
        return MissRate(**row)

    async def changes(self, tenant: str | None, task_type: str | None, limit: int) -> Sequence[dict[str, Any]]:
        """Rows of `level_change`, newest first."""
        return await self._rows("level_change_list", {"tenant": tenant, "task_type": task_type, "limit": limit})

    async def change(
        self,
        place: Place,
        risk: str,
        what: Change,
        move: Callable[[Mapping[str, Any], Mapping[str, float]], Mapping[str, Any]],
    ) -> None:
        """A person's change of one row. `move`: (the row, its signals now) -> the columns that change."""
        async with self._pool.connection() as connection, connection.transaction():
            row = await hold(connection, place, risk)
            after = {**row, **move(row, await signals_of(connection, row))}
            await store(connection, row, after, [what])

    async def _rows(self, name: str, asked: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query(name), asked)).fetchall()
