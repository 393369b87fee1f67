"""What takes a role: asked in one place, on the server, whatever a page or a command has offered."""

from __future__ import annotations

from core.errors import BadInput
from core.people import Person
from core.vocabulary import Environment
from policy.facts import ApproverRole
from policy.people import role_of
from runtime.wiring import Application
from store.roles import RoleStore


async def role_in(app: Application, person: Person, environment: Environment, tenant: str) -> ApproverRole:
    """The role that counts. On a newcomer's machine one person is everybody, until people are given roles."""
    return role_of(environment, await RoleStore(app.pool).of(person, tenant))


async def refuse_unless_admin(
    app: Application, person: Person, environment: Environment, tenant: str, what: str
) -> None:
    """`what` completes "only an admin …". Raises BadInput."""
    if await role_in(app, person, environment, tenant) != "admin":
        raise BadInput(f"{_nobody(person, environment, 'no admin')}, and only an admin {what}. See: autonomy roles")


async def refuse_unless_reviewer(
    app: Application, person: Person, environment: Environment, tenant: str, what: str
) -> None:
    """Whoever may review, publish or administer may. Raises BadInput."""
    if await role_in(app, person, environment, tenant) in ("none", "viewer"):
        raise BadInput(
            f"{_nobody(person, environment, 'no reviewer')}, and only a reviewer {what}. See: autonomy roles"
        )


def _nobody(person: Person, environment: Environment, what: str) -> str:
    doubt = "" if person.verified else " (a name that was not verified)"
    return f"{person.name}{doubt} is {what} in {environment}"
