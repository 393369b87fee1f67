"""How far an agent may go alone: what its task types have earned, read before each decision."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import psycopg
from psycopg_pool import PoolTimeout

from core.controls import Controls, InForce
from core.ports import CallSite
from core.vocabulary import Environment, Stage
from escalation.authority import Configured, Have, holding
from escalation.control_quality import BANDS, Quality, after_action, coherence
from escalation.memory import TRUST_ORDER
from store.database import Pool
from store.sql import query
from store.standings import ANY_VERSION

_STRANGE: Final = (TypeError, ValueError, KeyError)
"""What a row that no release has written makes of itself."""


@dataclass(frozen=True, slots=True)
class EarnedAuthorities:
    """core.ports.Authorities for the runs of one thread: one query each time. `versions` are the thread's.

    What can't be read, a database that does not answer or a row that makes no sense, is observe.
    """

    pool: Pool
    environment: Environment
    versions: Mapping[str, str]
    stages: Mapping[str, Stage] = field(default_factory=dict)
    checkpoints: Collection[str] = ()

    async def in_force(self, site: CallSite, task_types: Collection[str]) -> Controls:
        asked = {
            "tenant": site.tenant,
            "environment": self.environment,
            "types": list(task_types),
            "versions": [self.versions.get(name, "") for name in task_types],
            "trusts": list(TRUST_ORDER),
        }
        try:
            async with self.pool.connection() as connection:
                rows = await (await connection.execute(query("standing_read"), asked)).fetchall()
        except (psycopg.OperationalError, PoolTimeout) as error:
            why = f"What it has earned cannot be read ({type(error).__name__}), so it only reads."
            return Controls(dict.fromkeys(task_types, InForce("observe", (why,))))
        return Controls({name: self.of(name, rows) for name in task_types})

    def of(self, task_type: str, rows: Sequence[Mapping[str, Any]]) -> InForce:
        """From the rows of `standing_read`."""
        configured = Configured(
            self.environment,
            stage=self.stages.get(task_type, self.stages.get("*", "matrix")),
            asks=task_type in self.checkpoints,
        )
        try:
            return holding(configured, self.have(task_type, rows))
        except _STRANGE:
            return InForce("observe", ("What is stored about this kind of task makes no sense, so it only reads.",))

    def have(self, task_type: str, rows: Sequence[Mapping[str, Any]]) -> Have:
        """What a task type has to show for itself. Raises what _STRANGE names."""
        conflicts = int(rows[0]["conflicts"]) if rows else 0
        return _have([row for row in rows if row["task_type"] == task_type], conflicts)


def _have(rows: Sequence[Mapping[str, Any]], conflicts: int) -> Have:
    """From the row of a behaviour version and the one of any version."""
    have = Have(quality=_quality(Quality(), {}, conflicts))
    for row in rows:
        if row["behaviour_version"] == ANY_VERSION:
            have = replace(have, lowered=row["lowered"])
            continue
        have = replace(
            have,
            threshold=None if row["threshold"] is None else float(row["threshold"]),
            farthest=None if row["farthest"] is None else float(row["farthest"]),
            granted=row["granted"],
            waived=row["waived"],
            era=int(row["era"]),
            since_raise=int(row["since_raise"]),
            quality=_quality(Quality(**row["quality"]), row["signals"], conflicts),
        )
    return have


def _quality(stored: Quality, signals: Mapping[str, float], conflicts: int) -> Quality:
    """A conflict in memory counts at once, and no longer than it lasts; the rest was measured with the last action."""
    if stored.band not in BANDS:
        raise ValueError(stored.band)
    if not conflicts:
        return stored
    clear = dict.fromkeys(("agreement", "corrections", "freshness", "irreversibility", "failures"), 1.0)
    return after_action(stored, {**clear, **signals, "memory": coherence(conflicts)})
