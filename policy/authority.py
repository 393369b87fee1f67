"""How far an agent may go alone: what was earned or what the environment starts with, lowered by what was set. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

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


def changes(before: Mapping[str, str], now: Mapping[str, InForce]) -> list[tuple[str, str, InForce]]:
    """(task type, level before, level now) of those whose level is another one."""
    return [(name, before[name], level) for name, level in now.items() if before.get(name, level.level) != level.level]
