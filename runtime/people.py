"""Who is at the keyboard, and what they point at."""

from __future__ import annotations

import getpass

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
