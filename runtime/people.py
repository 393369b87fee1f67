"""Who is at the keyboard, and what they point at."""

from __future__ import annotations

import getpass
import os
import pwd

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
    return Person(name, verified=given is None and name == _account())


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
