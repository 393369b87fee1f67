"""Tells people of what waits for them: over apprise, which knows mail, Slack, webhooks and a hundred others."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from core.errors import AutonomyError, BadInput, NotFound
from core.notices import message, shown
from core.vocabulary import Occasion
from runtime.wiring import Application
from store.encryption import Cipher
from store.notices import NoticeStore, Row

BATCH: Final = 200
"""Reviews that one message is about at most; more get another one at the next look."""
DIGEST_HOURS: Final = 24.0
_KIND: Final = "notification address"
_VARIABLE: Final = re.compile(r"^[A-Z][A-Z0-9_]{0,99}$")


@dataclass(frozen=True, slots=True)
class NewRule:
    """`address`: what apprise takes, such as mailto://…, or env:NAME. `hours`: before it is due, after it was due, or
    between two digests."""

    address: str
    occasion: Occasion = "new"
    tenant: str | None = None
    task_type: str | None = None
    tier: str | None = None
    assign_to: str | None = None
    hours: float | None = None


async def add(app: Application, rule: NewRule, by: str) -> int:
    """Store a rule; its number. Raises BadInput for an address that cannot be used, or not be kept."""
    address = rule.address.strip()
    variable = address.removeprefix("env:") if address.startswith("env:") else None
    if variable is not None and not _VARIABLE.match(variable):
        raise BadInput("env: is followed by the name of an environment variable, such as env:SLACK_ADDRESS.")
    cipher = _cipher(app)
    if variable is None and cipher is None:
        raise BadInput(
            "An address may hold a password, so it is only stored encrypted. Set AUTONOMY_ENCRYPTION_KEY, or put the "
            "address into an environment variable of the worker and give env:NAME."
        )
    if variable is None:
        _usable(address)
    if rule.assign_to and rule.occasion != "overdue":
        raise BadInput("Only what is overdue is given to somebody else: --on overdue --assign NAME.")
    if rule.occasion == "revoked" and (rule.tier or rule.hours is not None):
        raise BadInput("An alarm is of a task type and is told at once: leave --tier and --hours out.")
    row: dict[str, Any] = {"occasion": rule.occasion, "variable": variable, "sealed": None, "key_name": None}
    row |= {"shown": f"env:{variable}" if variable else shown(address), "created_by": by, "assign_to": rule.assign_to}
    if variable is None and cipher is not None:
        row |= {"sealed": cipher.encrypt(address.encode(), _KIND), "key_name": cipher.name}
    hours = rule.hours if rule.hours is not None else (DIGEST_HOURS if rule.occasion == "digest" else None)
    row |= {"tenant": rule.tenant, "task_type": rule.task_type, "tier": rule.tier, "hours": hours}
    return await NoticeStore(app.pool).add(row)


async def try_out(app: Application, number: int) -> bool:
    """Send a line that says nothing. Whether it was taken. Raises NotFound, or BadInput without its address."""
    rule = next((each for each in await NoticeStore(app.pool).rules() if each["number"] == number), None)
    if rule is None:
        raise NotFound(f"There is no notification {number}. See: autonomy notify")
    text = f"Notifications of durable-autonomy arrive here. {app.settings.console_url}"
    return await asyncio.to_thread(_send, address_of(app, rule), "A test", text)


async def tell(app: Application) -> list[str]:
    """Send what is due, each review and each alarm at most once a rule; what is to be said of it, in a line each."""
    store, said = NoticeStore(app.pool), list[str]()
    for rule in await store.rules():
        digest = rule["occasion"] == "digest"
        rows = await _due(app, store, rule)
        if not rows:
            if digest:
                await store.digested(rule["number"], sent=True)  # an empty one needs no message
            continue
        if rule["assign_to"]:
            await store.assign([row["number"] for row in rows], rule["assign_to"])
        sent, why = await _told(app, rule, rows)
        if digest:
            await store.digested(rule["number"], sent=sent)
        else:
            done = store.done_revoked if rule["occasion"] == "revoked" else store.done
            await done(rule["number"], [row["number"] for row in rows], sent=sent)
        said.append(f"{rule['occasion']} ({len(rows)}) to {rule['shown']}: {'sent' if sent else why}")
    return said


async def _due(app: Application, store: NoticeStore, rule: Row) -> Sequence[Row]:
    if rule["occasion"] == "digest":
        return await store.digest(rule)
    if rule["occasion"] == "revoked":
        return await store.revoked(rule, BATCH)
    return await store.claimed(rule, app.settings.review_due_hours, BATCH)


def address_of(app: Application, rule: Row) -> str:
    """Raises BadInput when the variable or the key is not there."""
    if rule["variable"]:
        if not (address := os.environ.get(rule["variable"])):
            raise BadInput(
                f"The environment variable {rule['variable']} is not set here; notification {rule['number']} needs it."
            )
        return address
    cipher = _cipher(app)
    if cipher is None or cipher.name != rule["key_name"]:
        raise BadInput(f"Notification {rule['number']} was stored with another AUTONOMY_ENCRYPTION_KEY; add it anew.")
    return cipher.decrypt(bytes(rule["sealed"]), _KIND).decode()


async def _told(app: Application, rule: Row, rows: Sequence[Row]) -> tuple[bool, str]:
    title, text = message(rule["occasion"], rows, app.settings.console_url, datetime.now(UTC))
    try:
        address = address_of(app, rule)
    except AutonomyError as error:
        return False, str(error)
    return await asyncio.to_thread(_send, address, title, text), "it was not taken; it is not sent again"


def _send(address: str, title: str, text: str) -> bool:
    """Whether it was taken. Waits a few seconds at most, in a thread of its own."""
    return bool(_usable(address).notify(body=text, title=title))


def _usable(address: str) -> Any:
    """The address for apprise. Raises BadInput without repeating it."""
    import apprise  # half a second, for those who send something

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would log more than we show
    found = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
    if not found.add(address):
        raise BadInput(f"{shown(address)} is no address that apprise knows; see its list of services.")
    return found


def _cipher(app: Application) -> Cipher | None:
    key = app.settings.encryption_key
    return None if key is None else Cipher.from_text(key.get_secret_value())
