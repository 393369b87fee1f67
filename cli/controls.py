"""limits, lockdown, roles, and stop for many: what holds an agent back."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.table import Table

from cli.console import local, out, print_json, program, safe
from core.errors import BadInput
from core.vocabulary import Environment, PersonRole
from runtime import emergency
from runtime.limits import Standing, of_agents, of_thread
from runtime.people import at_keyboard
from runtime.settings import read_settings
from runtime.wiring import Application, open_application
from store.roles import RoleStore


async def limits(thread: str | None, json: bool) -> int:
    async with open_application(read_settings()) as app:
        if thread is None:
            standing = await of_agents(app)
        else:
            standing = await of_thread(app, await app.threads.find(thread))
    if json:
        print_json([each._asdict() | {"left": each.left} for each in standing])
        return 0
    if not standing:
        out().print("No agent has run yet, so nothing was used.")
        return 0
    rows = [_limit(each) for each in standing]
    _table(("of", "limit", "used", "reserved", "left", "most", "what"), rows)
    out().print(safe("Other figures: AUTONOMY_LIMITS. What does not fit in is for a person; a rate is waited for."))
    return 0


def _limit(each: Standing) -> tuple[str, ...]:
    most = f"{each.most:,}" + (f" + {each.granted:,} allowed by people" if each.granted else "")
    again = "" if each.more_at is None else f"; more from {local(each.more_at, '%H:%M')}"
    return each.of, each.name, f"{each.used:,}", f"{each.reserved:,}", f"{each.left:,}", most, f"{each.says}{again}"


async def lock_down(
    domain: str | None, environment: Environment | None, reason: str, person: str | None, json: bool
) -> int:
    async with open_application(read_settings()) as app:
        await emergency.lock_down(app, domain, environment, at_keyboard(person), reason)
        return await _show(app, json)


async def lift(domain: str | None, environment: Environment | None, reason: str, person: str | None, json: bool) -> int:
    async with open_application(read_settings()) as app:
        count = await emergency.lift(app, domain, environment, at_keyboard(person), reason)
        if not json:
            out().print(f"Lifted. {count} thread{'' if count == 1 else 's'} that waited for it can go on.")
        return await _show(app, json)


async def show_lockdown(json: bool) -> int:
    async with open_application(read_settings()) as app:
        return await _show(app, json)


async def _show(app: Application, json: bool) -> int:
    on = await emergency.switches(app)
    if json:
        print_json([{"domain": each.domain, "environment": each.environment, "reason": each.reason, "by": each.by,
                     "at": each.at} for each in on])  # fmt: skip
    for each in [] if json else on:
        out().print(safe(f"Lockdown is on {each}. Nothing runs there that is not read-only."))
    if not on and not json:
        out().print("No lockdown is on.")
    return 0


async def stop(domain: str | None, reason: str, person: str | None, json: bool) -> int:
    """Every thread of a domain, or of all domains."""
    quiet = json or not sys.stdout.isatty()

    def told(count: int) -> None:
        if not quiet:
            out().print(f"{count:,} …", end="\r")

    async with open_application(read_settings()) as app:
        stopped, running = await emergency.stop(app, domain, at_keyboard(person), reason, told)
    if json:
        print_json({"domain": domain, "stopped": stopped, "running": running})
        return 0
    out().print(f"{stopped:,} thread{'' if stopped == 1 else 's'} stopped.")
    if running:
        out().print(f"{running:,} still run their step and stop before the next one.")
        out().print(f"  {program()} threads --status running")
    return 0


async def list_roles(json: bool) -> int:
    async with open_application(read_settings()) as app:
        roles = await RoleStore(app.pool).all()
    if json:
        print_json([each._asdict() for each in roles])
    elif not roles:
        out().print("Nobody has a role yet: in local everybody may do everything, elsewhere nobody publishes.")
        out().print(f"  {program()} roles set NAME admin")
    else:
        _table(("who", "role", "for", "given by"), [
            (each.person, each.role, "every tenant" if each.tenant == "*" else each.tenant,
             f"{each.set_by}, {local(each.set_at, '%Y-%m-%d %H:%M')}") for each in roles
        ])  # fmt: skip
    return 0


async def set_role(name: str, role: PersonRole, tenant: str, person: str | None, json: bool) -> int:
    if not name.strip() or not tenant.strip():
        raise BadInput("A role needs a name and a tenant (* for every one).")
    async with open_application(read_settings()) as app:
        await RoleStore(app.pool).set(name.strip(), tenant.strip(), role, at_keyboard(person))
    return await list_roles(json)


async def remove_role(name: str, tenant: str, person: str | None, json: bool) -> int:
    async with open_application(read_settings()) as app:
        await RoleStore(app.pool).remove(name.strip(), tenant.strip(), at_keyboard(person))
    return await list_roles(json)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column in ("used", "reserved", "left") else "left")
    for row in rows:
        table.add_row(*(safe(cell) for cell in row))
    out().print(table)
