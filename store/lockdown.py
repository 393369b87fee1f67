"""Lockdown: nothing but reading, for an agent, a domain, an environment or everywhere, whatever was approved before.

An agent is one tenant's of a domain, `acme/seo`; it stands where the domain does, since no domain's name has a slash.

Who switches it on waits for the claims that are under way, and each later claim waits for it: both take one advisory
lock, claims shared and as the first thing of their transaction, a switch alone. So once a switch has returned, every
claim that did not see it was committed before it, and no later one can miss it: it reads with a snapshot taken behind
the lock. The lock comes before any row, so nobody waits for it who holds something that others want.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.errors import BadInput
from core.vocabulary import Environment
from store.database import Connection, Pool
from store.spending import agent_of
from store.sql import query


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch that is on. None: every domain, every environment. `domain`: a domain or an agent."""

    domain: str | None
    environment: Environment | None
    reason: str
    by: str
    at: datetime

    @property
    def covers(self) -> str:
        """What it holds for, in words."""
        of = [f"{'agent' if '/' in self.domain else 'domain'} {self.domain}"] if self.domain else []
        of += [f"environment {self.environment}"] if self.environment else []
        return ", ".join(of) or "everything"

    def __str__(self) -> str:
        said = f": {self.reason}" if self.reason else ""
        return f"for {self.covers}, by {self.by} at {self.at:%Y-%m-%d %H:%M} UTC{said}"


async def hold_off(connection: Connection) -> None:
    """Keep a switch from being made until this transaction ends. The first thing that a claim does."""
    await connection.execute(query("lockdown_hold_off"))


async def in_force(connection: Connection, tenant: str, domain: str, environment: str) -> str:
    """Why nothing but reading is let through; empty when there is no lockdown."""
    asked = {"domain": domain, "agent": agent_of(tenant, domain), "environment": environment}
    rows = await (await connection.execute(query("lockdown_in_force"), asked)).fetchall()
    return "; ".join(str(_switch(row)) for row in rows)


class LockdownStore:
    """Switches over a pool, for people and for what reads them before each decision."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def in_force(self, tenant: str, domain: str, environment: str) -> str:
        async with self._pool.connection() as connection:
            return await in_force(connection, tenant, domain, environment)

    async def switches(self) -> Sequence[Switch]:
        """Those that are on."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(query("lockdown_switches"))).fetchall()
        return [_switch(row) for row in rows]

    async def on(
        self, domain: str | None, environment: Environment | None, reason: str, by: str, *, verified: bool
    ) -> None:
        """Returns when every claim that was under way is committed; nothing is claimed after that."""
        await self._say("on", domain, environment, reason, by, verified)

    async def off(
        self, domain: str | None, environment: Environment | None, reason: str, by: str, *, verified: bool
    ) -> None:
        """Raises BadInput when that very switch is not on."""
        known = await self.switches()
        if not any((switch.domain, switch.environment) == (domain, environment) for switch in known):
            others = "; ".join(str(switch) for switch in known) or "none is"
            raise BadInput(f"That lockdown is not on. On: {others}.")
        await self._say("off", domain, environment, reason, by, verified)

    async def _say(
        self, state: str, domain: str | None, environment: Environment | None, reason: str, by: str, verified: bool
    ) -> None:
        row = {
            "state": state, "domain": domain, "environment": environment, "reason": reason, "by": by,
            "verified": verified,
        }  # fmt: skip
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(query("lockdown_switching"))
            await connection.execute(query("lockdown_say"), row)


def _switch(row: dict[str, object]) -> Switch:
    return Switch(row["domain"], row["environment"], row["reason"], row["actor"], row["at"])  # type: ignore[arg-type]
