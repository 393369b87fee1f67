"""Emergency: everything of a domain stops, or nothing but reading is let through until that is lifted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from core.canonical import storable_text
from core.errors import AlreadyDecided, BadInput, StaleDecision
from core.people import Person
from core.vocabulary import Environment
from runtime.roles import refuse_unless_admin
from runtime.wiring import DOMAINS, Application
from store.lockdown import LockdownStore, Switch
from store.reviews import Decision
from store.roles import EVERY_TENANT
from store.sql import query

_CHUNK: Final = 200
Told = Callable[[int], None]


async def stop(app: Application, domain: str | None, person: Person, reason: str, told: Told) -> tuple[int, int]:
    """Stop all threads of a domain, or of all: (how many ended here, how many still run their step).

    `told`: how many so far. Raises BadInput for a domain that is not there.
    """
    _known(app, domain)
    count = 0
    async for ended in app.threads.request_stops(domain, person.name, storable_text(reason.strip())):
        told(count := count + ended)
    return count, (await app.threads.stopping(domain))["running"]


async def lock_down(
    app: Application, domain: str | None, environment: Environment | None, person: Person, reason: str
) -> None:
    """Nothing but reading from the moment that this returns. `domain`: a domain, or a tenant's agent of it, `acme/seo`.

    Raises BadInput for a domain that is not there.
    """
    _known(app, domain.rpartition("/")[2] if domain else None)
    store, said = LockdownStore(app.pool), storable_text(reason.strip())
    await store.on(domain, environment, said, person.name, verified=person.verified)


async def lift(
    app: Application, domain: str | None, environment: Environment | None, person: Person, reason: str
) -> int:
    """Lift that very lockdown, and let the threads go on that waited for it; how many.

    Raises BadInput when it is not on, and for a person who is no admin where people have roles.
    """
    # Locking down is for everybody; lifting it lets things happen again. Asked as in local: without roles anybody may.
    await refuse_unless_admin(app, person, "local", EVERY_TENANT, "lifts a lockdown")
    store, said = LockdownStore(app.pool), storable_text(reason.strip())
    await store.off(domain, environment, said, person.name, verified=person.verified)
    return await _hand_back(app, store, person)


async def switches(app: Application) -> Sequence[Switch]:
    """What is locked down now."""
    return await LockdownStore(app.pool).switches()


async def _hand_back(app: Application, store: LockdownStore, person: Person) -> int:
    """Answer what only waited for the lockdown, in chunks; a thread under another one waits on."""
    message = "the lockdown was lifted"
    payload = {"type": "respond", "by": person.name, "message": message, "choice": "hand_back", "lifted": True}
    decision = Decision("hand_back", person.name, person.verified, payload, None, False)
    last, count = 0, 0
    while True:
        async with app.pool.connection() as connection:
            asked = {"after": last, "limit": _CHUNK}
            rows = await (await connection.execute(query("review_locked_down"), asked)).fetchall()
        if not rows:
            return count
        for row in rows:
            last = row["number"]
            if await store.in_force(row["tenant"], row["domain"], row["environment"]):
                continue
            try:
                await app.reviews.decide(await app.reviews.get(last), decision)
                count += 1
            except (AlreadyDecided, StaleDecision):
                continue  # somebody else handed it back, or stopped it


def _known(app: Application, domain: str | None) -> None:
    if domain is not None and domain not in app.parts.domains:
        raise BadInput(f"There is no domain {domain}; installed: {', '.join(app.parts.domains or DOMAINS)}.")
