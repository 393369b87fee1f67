"""Where autonomy stands, for people: how far each task type goes alone and why; granting, lowering, raising."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from core.controls import InForce
from core.errors import BadInput
from core.vocabulary import Authority, Stage
from escalation.audit import SilentFailures, silent_failures
from escalation.authority import NOTHING_LOWERS_IT, ORDER, earned
from escalation.control_quality import resynchronised
from escalation.levels import describe, in_short
from escalation.revocation import NO_HEAD_START
from escalation.standing import Labelled, Standing, beginning, judged, stored
from runtime.earned import EarnedAuthorities
from runtime.roles import refuse_unless_admin
from runtime.threads import Person
from runtime.wiring import Application
from store.outcomes import OutcomeStore
from store.scorings import Made, ScoringStore
from store.standings import ANY_VERSION, Change, Place, StandingStore

WINDOW: Final = 200
"""Outcomes over which the share that ran alone is told."""


@dataclass(frozen=True, slots=True)
class Level:
    """One task type in one behaviour version. `share`: of the last WINDOW decisions, how many ran alone."""

    place: Place
    current: bool
    """Whether new threads are run by this version."""
    held: InForce
    share: float
    decided: int
    evidence: str
    missing: str
    """What it takes to do more: first what holds it below what it has earned, then the evidence that is missing."""
    sentences: tuple[str, ...]
    silent: SilentFailures | None
    quality: Mapping[str, Any]
    signals: Mapping[str, float]


async def levels(app: Application, tenant: str | None = None, task_type: str | None = None) -> list[Level]:
    """Every task type that anything is known of. The versions in use come first."""
    versions, learned = await versions_in_use(app), await ScoringStore(app.pool).active(tenant)
    rows = await StandingStore(app.pool).listed(tenant, task_type, WINDOW)
    found = [await _level(app, row, versions, learned) for row in rows if row["behaviour_version"] != ANY_VERSION]
    return sorted(found, key=lambda level: (level.place[:3], not level.current))


async def _level(
    app: Application, row: Mapping[str, Any], versions: Mapping[str, str], learned: Mapping[Made, str]
) -> Level:
    place, standings = Place(*(row[name] for name in Place._fields)), StandingStore(app.pool)
    missed = await standings.missed(place.tenant, place.task_type)
    certificate = stored(row).certificate
    evidence, missing = in_short(certificate, missed)
    audits = await standings.audited(place)
    held = authorities(app, place).of(place.task_type, await standings.in_force(place))
    return Level(
        place=place,
        current=learned.get(_made(place, versions), versions.get(place.task_type)) == place.behaviour_version,
        held=held,
        share=row["alone_seen"] / row["decided"] if row["decided"] else 0.0,
        decided=row["decided"],
        evidence=evidence,
        missing=" ".join((*_held_back(row, held), missing)),
        sentences=describe(certificate, missed),
        silent=silent_failures(audits, row["alone"]) if row["alone"] else None,
        quality=row["quality"],
        signals=row["signals"],
    )


def _held_back(row: Mapping[str, Any], held: InForce) -> Sequence[str]:
    """Why it goes less far than it has earned; empty when nothing but evidence is missing."""
    most = earned(row["environment"], row["threshold"], row["granted"])
    shorter = ORDER.index(held.level) < ORDER.index(most) or (row["threshold"] is not None and held.threshold is None)
    return [reason for reason in held.reasons if reason != NOTHING_LOWERS_IT] if shorter else ()


def _made(place: Place, versions: Mapping[str, str]) -> Made:
    return Made(place.tenant, place.environment, place.task_type, versions.get(place.task_type, ""))


def authorities(app: Application, place: Place) -> EarnedAuthorities:
    """What the runs of that version go by."""
    settings = app.settings
    versions = {place.task_type: place.behaviour_version}
    return EarnedAuthorities(app.pool, place.environment, versions, settings.stages, settings.checkpoints)


async def grant(
    app: Application, person: Person, tenant: str, task_type: str, level: Authority, stage: Stage | None, reason: str
) -> Place:
    """Give a task type a level that it has not earned, for the behaviour version in use; with a `stage`, waive its
    certification for that stage. Raises BadInput."""
    await _refuse_unless_admin(app, person, tenant)
    place, risk = await place_of(app, tenant, task_type)
    granted = f"granted {level}{f' and stage {stage}' if stage else ''}: {said(reason)}"
    await StandingStore(app.pool).change(
        place, risk, Change("granted", granted, person.name, person.verified),
        lambda row, _: {"granted": level, "waived": stage or row["waived"]},
    )  # fmt: skip
    return place


async def lower(app: Application, person: Person, tenant: str, task_type: str, level: Authority, reason: str) -> Place:
    """Bound a task type to a level in every behaviour version, until it is raised. Raises BadInput."""
    await _refuse_unless_admin(app, person, tenant)
    place, risk = await place_of(app, tenant, task_type)
    change = Change("lowered", f"lowered to {level}: {said(reason)}", person.name, person.verified)
    every = place._replace(behaviour_version=ANY_VERSION)
    await StandingStore(app.pool).change(every, risk, change, lambda *_: {"lowered": level})
    return every


async def lift(app: Application, person: Person, tenant: str, task_type: str, level: Authority, reason: str) -> Place:
    """Take a lowering back, as far as the evidence or a grant carries, and count as the sync that control quality
    waits for. Raises BadInput for more than that."""
    await _refuse_unless_admin(app, person, tenant)
    place, risk = await place_of(app, tenant, task_type)
    standings = StandingStore(app.pool)
    have = authorities(app, place).have(task_type, await standings.in_force(place))
    most = earned(place.environment, have.threshold, have.granted)
    if ORDER.index(level) > ORDER.index(most):
        raise BadInput(f"{task_type} has earned {most}, not {level}; only a grant goes beyond. See: autonomy levels")
    change = Change("lifted", f"raised to {level}: {said(reason)}", person.name, person.verified)
    left = None if level == most else level
    await standings.change(place._replace(behaviour_version=ANY_VERSION), risk, change, lambda *_: {"lowered": left})
    again = Change("recovered", f"{person.name} has looked and says go on.", person.name, person.verified)
    await standings.change(
        place, risk, again, lambda _, signals: {"quality": asdict(resynchronised(signals)), "since_sync": 0}
    )
    return place


async def _refuse_unless_admin(app: Application, person: Person, tenant: str) -> None:
    await refuse_unless_admin(app, person, app.settings.environment, tenant, "changes what was earned")


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored standing that its log does not lead to."""

    place: Place
    stored: Mapping[str, Any]
    recomputed: Mapping[str, Any]


async def recompute(app: Application) -> tuple[int, list[Difference]]:
    """All standings again from the log: (labelled outcomes read, what differs from what is stored in any bit)."""
    rows = await StandingStore(app.pool).listed(None, None, 0)
    begun = {Place(*(row[name] for name in Place._fields)): _beginning(row) for row in rows}
    found, seen = {}, 0
    async for place, standing in _from_log(OutcomeStore(app.pool).log(), begun):
        found[place] = standing
        seen += standing.counted
    again = {place: standing.to_json() for place, standing in {**begun, **found}.items()}
    kept = {Place(*(row[name] for name in Place._fields)): stored(row).to_json() for row in rows}
    differing = [place for place in again if kept.get(place) != again[place]]
    return seen, [Difference(place, kept.get(place, {}), again[place]) for place in differing]


def _beginning(row: Mapping[str, Any]) -> Standing:
    """Of a standing: one that an earlier release began has a watch without a head start."""
    without = stored(row).watch.began_at == NO_HEAD_START
    return beginning(str(row["risk"]), NO_HEAD_START if without else None)


async def _from_log(
    log: AsyncIterator[Mapping[str, Any]], begun: Mapping[Place, Standing]
) -> AsyncIterator[tuple[Place, Standing]]:
    place, standing = None, None
    async for row in log:
        here = Place(*(row[name] for name in Place._fields))
        if here != place or standing is None:
            if place is not None and standing is not None:
                yield place, standing
            place, standing = here, begun.get(here, beginning("high"))
        standing = judged(standing, Labelled(*(row[name] for name in Labelled._fields))).standing
    if place is not None and standing is not None:
        yield place, standing


async def refuse_unknown(app: Application, task_type: str) -> Mapping[str, str]:
    """The versions in use. Raises BadInput for what is no task type of this installation."""
    versions = await versions_in_use(app)
    if task_type not in versions:
        raise BadInput(f"{task_type} is no task type that has a level; there are {', '.join(sorted(versions))}.")
    return versions


async def place_of(app: Application, tenant: str, task_type: str) -> tuple[Place, str]:
    """Where a task type of this installation stands now, and its risk. Raises BadInput for one that has no level."""
    versions = await refuse_unknown(app, task_type)
    domains = [app.domain(name) for name in app.parts.domains]
    risk = next(domain.tools[task_type].risk for domain in domains if task_type in domain.tools)
    environment = app.settings.environment
    used = await ScoringStore(app.pool).in_use(tenant, environment, {task_type: versions[task_type]})
    return Place(tenant, environment, task_type, used[task_type]), risk


async def versions_in_use(app: Application) -> dict[str, str]:
    """Task type -> the behaviour version that new threads are run by, but for what was learned."""
    choice = await app.choice()
    return {
        name: version
        for domain in app.parts.domains
        for name, version in app.behaviour_versions(domain, choice).items()
    }


def said(reason: str) -> str:
    """A reason in one line. Raises BadInput without one."""
    if not (line := " ".join(reason.split())):
        raise BadInput("Say why: --reason TEXT. It is kept with the change.")
    return line[:500]


def summary(found: Sequence[Level]) -> list[dict[str, Any]]:
    """Levels for programs."""
    return [
        {
            **level.place._asdict(),
            "current": level.current,
            "level": level.held.level,
            "why": list(level.held.reasons),
            "threshold": level.held.threshold,
            "farthest": level.held.farthest,
            "stage": level.held.stage,
            "audit_probability": level.held.audits,
            "taken_back": level.held.era,
            "share_alone": level.share,
            "of_last": level.decided,
            "evidence": level.evidence,
            "to_do_more": level.missing,
            "sentences": list(level.sentences),
            "silent_failures": None
            if level.silent is None
            else {"rate": level.silent.rate, "low": level.silent.interval.low, "high": level.silent.interval.high,
                  "audited": level.silent.audited, "alone": level.silent.alone},
            "quality": dict(level.quality),
            "signals": dict(level.signals),
        }
        for level in found
    ]  # fmt: skip
