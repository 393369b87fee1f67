"""Who is at the keyboard, and what they point at."""

from __future__ import annotations

import getpass
import os
import pwd
from collections.abc import Mapping
from typing import Any

from core.errors import BadInput
from core.people import Person


def local_user() -> str:
    """The person at the keyboard, as their session calls itself."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "local user"


def at_keyboard(given: str | None) -> Person:
    """Who gives a command. A name that was typed in, here or into the session, is not verified; the account's is."""
    name = given or local_user()
    return Person(name, given is None and name == _account(), "command line")


def _account() -> str | None:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return None


def review_number(text: str) -> int:
    """r-41 or 41. Raises BadInput."""
    digits = text.strip().lower().removeprefix("r-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise BadInput(f"{text[:40]!r} is not a review; they look like r-41. The inbox lists them.")
    return int(digits)


def admitted(claims: Mapping[str, Any], allowed: str) -> str:
    """The name under which somebody who logged in decides: their verified address. `allowed`: addresses and @domains,
    by commas; empty lets nobody in. Raises BadInput."""
    address = str(claims.get("email") or "").strip().lower()
    if not address or "@" not in address or claims.get("email_verified") is not True:
        raise BadInput(
            "Your login brings no verified mail address, so nobody knows who decides. Ask its administrator."
        )
    listed = {each.strip().lower() for each in allowed.split(",") if each.strip()}
    if address not in listed and f"@{address.rpartition('@')[2]}" not in listed:
        raise BadInput(f"{address} is not let in here. Ask for it to be added to AUTONOMY_OIDC_ALLOWED.")
    return address
