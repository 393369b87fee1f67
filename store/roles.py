"""Roles: who may do what for which tenant. No row at all means that nobody has been given a role yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from core.errors import BadInput
from core.people import Approver, Person
from core.vocabulary import PersonRole
from store.database import Connection, Pool
from store.sql import query

EVERY_TENANT = "*"


class Role(NamedTuple):
    person: str
    tenant: str
    role: PersonRole
    set_by: str
    set_at: datetime


class RoleStore:
    """Roles over a pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def all(self) -> Sequence[Role]:
        async with self._pool.connection() as connection:
            return await _all(connection)

    async def of(self, person: Person, tenant: str, thread_id: str = "", proposal_hash: str = "") -> Approver:
        """What is known of a person who would decide on that proposal of that thread."""
        asked = {"person": person.name, "tenant": tenant, "thread": thread_id, "hash": proposal_hash}
        async with self._pool.connection() as connection:
            row = await (await connection.execute(query("role_of"), asked)).fetchone()
        return Approver(person.name, person.verified, **(row or {}))

    async def set(self, name: str, tenant: str, role: PersonRole, by: Person) -> None:
        """Raises BadInput when `by` may not, or when nobody would be left who may."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(query("role_lock"))
            _refuse(by, before := await _all(connection))
            given = {"person": name, "tenant": tenant, "role": role, "by": by.name}
            await connection.execute(query("role_set"), given)
            _keep_an_admin(before, await _all(connection))

    async def remove(self, name: str, tenant: str, by: Person) -> None:
        """Raises BadInput as `set` does, and for a role that nobody has. When the last one goes, there are none."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(query("role_lock"))
            _refuse(by, before := await _all(connection))
            gone = await connection.execute(query("role_remove"), {"person": name, "tenant": tenant})
            if gone.rowcount != 1:
                raise BadInput(f"{name} has no role for {tenant}. See: autonomy roles")
            _keep_an_admin(before, await _all(connection))


async def _all(connection: Connection) -> list[Role]:
    return [Role(**row) for row in await (await connection.execute(query("role_list"))).fetchall()]


def _refuse(by: Person, roles: Sequence[Role]) -> None:
    """Only an admin of every tenant changes roles, under a name that is verified; the first role anybody may give."""
    if not roles:
        return
    if not by.verified:
        raise BadInput(f"Roles exist, and {by.name} is a name that was only typed in. Leave out --as.")
    if not any((each.person, each.tenant, each.role) == (by.name, EVERY_TENANT, "admin") for each in roles):
        raise BadInput(f"{by.name} is no admin; only an admin changes roles. See: autonomy roles")


def _keep_an_admin(before: Sequence[Role], roles: Sequence[Role]) -> None:
    if roles and not any((each.tenant, each.role) == (EVERY_TENANT, "admin") for each in roles):
        first = "The first role has to be that of an admin" if not before else "An admin has to be left"
        raise BadInput(f"{first}, or nobody could change roles any more: autonomy roles set NAME admin")
