"""How far an agent may go alone: what was earned or what the environment starts with, lowered by what was set. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from core.controls import InForce
from core.vocabulary import Authority, members

ORDER: Final = members(Authority)
"""From least to most."""


def composed(allowed: InForce, setting: Authority | None) -> InForce:
    """`allowed`, which is the least of what was earned and what the environment and control quality leave, with the
    setting over it. A setting only ever lowers: nobody earns anything by writing it into a file."""
    if setting is None or ORDER.index(setting) >= ORDER.index(allowed.level):
        return allowed
    return replace(allowed, level=setting, reasons=(f"AUTONOMY_AUTHORITY lowers it from {allowed.level}.",))


class Moved(NamedTuple):
    """Task types that stand at one level for the same reasons, and did not at the last look. `was`: type -> level
    then, None for one that is met for the first time."""

    level: Authority
    reasons: tuple[str, ...]
    was: Mapping[str, str | None]


def moved(before: Mapping[str, str], now: Mapping[str, InForce]) -> list[Moved]:
    """What is new since `before`, in the order of the task types' names."""
    found: dict[tuple[Authority, tuple[str, ...]], dict[str, str | None]] = {}
    for name, held in sorted(now.items()):
        if before.get(name) != held.level:
            found.setdefault((held.level, held.reasons), {})[name] = before.get(name)
    return [Moved(level, reasons, was) for (level, reasons), was in found.items()]
