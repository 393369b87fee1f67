"""What people enter for tools, encrypted until the tool takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from core.errors import BadInput
from store.database import Connection, Pool
from store.encryption import Cipher
from store.sql import query

SHORTEST: Final = 4
"""Characters of a secret: a shorter one would be found everywhere, and nothing else of an answer would be left."""
LONGEST: Final = 4000


@dataclass(frozen=True, slots=True)
class Sealed:
    """One secret for one tool of one thread. It can be opened as that and as nothing else."""

    thread_id: str
    tenant: str
    tool: str
    name: str
    sealed: bytes
    given_by: str


@dataclass(frozen=True, slots=True)
class SecretStore:
    """core.ports.Secrets over a pool. `cipher` gives the key, when one is needed first."""

    pool: Pool
    cipher: Callable[[], Cipher]

    def seal(self, thread_id: str, tenant: str, tool: str, name: str, value: str, given_by: str) -> Sealed:
        """Raises BadInput for one that is too short or too long."""
        if not SHORTEST <= len(value) <= LONGEST:
            raise BadInput(f"{name} has {len(value)} characters; a secret has {SHORTEST} to {LONGEST}.")
        sealed = self.cipher().encrypt(value.encode(), _kind(thread_id, tool, name))
        return Sealed(thread_id, tenant, tool, name, sealed, given_by)

    async def take(self, thread_id: str, tool: str, name: str) -> str | None:
        of = {"thread_id": thread_id, "tool": tool, "name": name}
        async with self.pool.connection() as connection:
            row = await (await connection.execute(query("secret_take"), of)).fetchone()
        if row is None:
            return None
        return self.cipher().decrypt(row["sealed"], _kind(thread_id, tool, name)).decode()


async def store(connection: Connection, secret: Sealed) -> None:
    """Inside the caller's transaction; one that was given before is replaced."""
    row = {name: getattr(secret, name) for name in Sealed.__slots__}
    await connection.execute(query("secret_store"), row)


def _kind(thread_id: str, tool: str, name: str) -> str:
    return f"secret/{thread_id}/{tool}/{name}"
