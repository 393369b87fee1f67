"""Who is at the keyboard, and what they point at."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Any

from core.errors import BadInput


def local_user() -> str:
    """The operating system's name for the person at the keyboard; recorded as not verified."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "local user"


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
