"""Who decides, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass

from core.vocabulary import PersonRole


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides. `verified` is False for a name that was only typed in."""

    name: str
    verified: bool = False
    origin: str = ""
    """From where, in words: "console, from 10.0.0.7"."""


@dataclass(frozen=True, slots=True)
class Approver:
    """Who approved, or would approve, one very action."""

    by: str
    verified: bool = False
    role: PersonRole | None = None
    """None: they have none for this tenant."""
    roles: bool = False
    """Whether anybody has a role at all."""
    editor: str | None = None
    """Whose edit the action is, when it is one."""
