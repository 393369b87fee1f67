"""levels: how far each task type goes alone, and who changed that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cli.console import local, out, print_json, program, safe, table
from core.vocabulary import Authority, Stage
from escalation.scoring import in_short
from runtime import levels as runtime
from runtime.drift import shifts
from runtime.people import at_keyboard
from runtime.settings import read_settings
from runtime.threads import Person
from runtime.timeline import LEVEL_MOVES
from runtime.wiring import Application, open_application
from store.standings import Place, StandingStore

_CHANGES: Final = 20
"""Changes of levels that are shown."""


@dataclass(frozen=True, slots=True)
class Asked:
    task_type: str
    level: Authority
    tenant: str
    reason: str
    person: str | None

    @property
    def by(self) -> Person:
        return at_keyboard(self.person)


async def listed(tenant: str | None, every: bool, json: bool) -> int:
    async with open_application(read_settings()) as app:
        found = await runtime.levels(app, tenant)
        tenants = dict.fromkeys(level.place.tenant for level in found)
        shifted = [f"{name}: {shift.words}" for name in tenants for shift in await shifts(app, name)]
    shown = found if every else [level for level in found if level.current]
    if json:
        print_json(runtime.summary(shown))
    elif not shown:
        out().print("Nothing was decided yet by what runs now, so everything asks.")
    else:
        table(
            ("task type", "for", "authority", "alone", "evidence", "what it takes to do more"),
            [_row(level) for level in shown],
        )
        for line in shifted:
            out().print(safe(f"Shifted: {line}. What is certified was earned before that; look at the audits."))
        out().print(f"\n  {program()} levels show TASK_TYPE")
    return 0


def _row(level: runtime.Level) -> Sequence[str]:
    back = " (taken back before)" if level.held.era else ""
    version = "" if level.current else f" ({in_short(level.place.behaviour_version)})"
    return (
        f"{level.place.task_type}{version}", f"{level.place.tenant}, {level.place.environment}", level.held.level,
        f"{level.share:.0%}", f"{level.evidence}{back}", level.missing,
    )  # fmt: skip


async def show(task_type: str, tenant: str | None, json: bool) -> int:
    async with open_application(read_settings()) as app:
        found = await runtime.levels(app, tenant, task_type)
        if not found:
            await runtime.refuse_unknown(app, task_type)
        changes = await StandingStore(app.pool).changes(tenant, task_type, _CHANGES)
    if json:
        print_json({"levels": runtime.summary(found), "changes": changes})
        return 0
    if not found:
        out().print(safe(f"Nothing was decided yet about {task_type}, so it asks."))
    for level in found:
        _print(level)
    if changes:
        out().print("\nChanges, newest first")
        for row in changes:
            out().print(safe(f"  {_change(row)}"))
    return 0


def _print(level: runtime.Level) -> None:
    place, held = level.place, level.held
    used = "in use" if level.current else "not in use"
    head = f"{place.task_type} · {place.tenant}, {place.environment} · version {place.behaviour_version}, {used}"
    out().print(safe(head), style="bold")
    lines = [f"Authority {held.level}. {' '.join(held.reasons)}", *level.sentences]
    if held.farthest is not None:
        lines.append(
            f"What is newer than {held.farthest:.2f} asks whatever its score: the certificate rests on none such."
        )
    lines.append(f"Alone: {level.share:.0%} of the last {level.decided} decisions.")
    if level.silent is not None:
        lines.append(f"Audits: {level.silent}.")
    if level.signals:
        signals = " · ".join(f"{name} {value:.2f}" for name, value in level.signals.items())
        lines.append(f"Control quality {level.quality['band']}: {signals} (each 0 to 1, 1 is best).")
    for line in lines:
        out().print(safe(f"  {line}"))


def _change(row: dict[str, Any]) -> str:
    what = next((words for move, words in LEVEL_MOVES.items() if move == row["change"]), row["change"])
    when = local(row["at"], "%m-%d %H:%M")
    old, new = _level(row, "old"), _level(row, "new")
    moved = f" ({old} → {new})" if old != new else ""
    return f"{when}  {what}{moved}, by {row['actor']}. {row['reason']}"


def _level(row: dict[str, Any], which: str) -> str:
    threshold = row[f"{which}_threshold"]
    return f"{row[f'{which}_level']}{'' if threshold is None else f', alone to {threshold:.2f}'}"


async def recompute(json: bool) -> int:
    async with open_application(read_settings()) as app:
        seen, differing = await runtime.recompute(app)
    if json:
        print_json({"outcomes": seen, "different": [one.place._asdict() for one in differing]})
    else:
        for one in differing:
            out().print(safe(f"{' · '.join(one.place)}: what is stored is not what the log leads to"), style="bold red")
        out().print(f"{seen} labelled outcomes; {len(differing)} certificates differ from their log.")
    return 1 if differing else 0


async def grant(asked: Asked, stage: Stage | None, json: bool) -> int:
    async with open_application(read_settings()) as app:
        place = await runtime.grant(app, asked.by, asked.tenant, asked.task_type, asked.level, stage, asked.reason)
        return await _told(app, place, json)


async def lower(asked: Asked, json: bool) -> int:
    async with open_application(read_settings()) as app:
        place = await runtime.lower(app, asked.by, asked.tenant, asked.task_type, asked.level, asked.reason)
        return await _told(app, place, json)


async def lift(asked: Asked, json: bool) -> int:
    async with open_application(read_settings()) as app:
        place = await runtime.lift(app, asked.by, asked.tenant, asked.task_type, asked.level, asked.reason)
        return await _told(app, place, json)


async def _told(app: Application, place: Place, json: bool) -> int:
    held = runtime.authorities(app, place).of(place.task_type, await StandingStore(app.pool).in_force(place))
    if json:
        print_json({**place._asdict(), "level": held.level, "why": list(held.reasons), "stage": held.stage})
    else:
        out().print(
            safe(f"{place.task_type} · {place.tenant}, {place.environment}: {held.level}. {' '.join(held.reasons)}")
        )
    return 0
