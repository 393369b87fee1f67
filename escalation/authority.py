"""What may run without a person: the least of what was earned, what the environment allows and how control stands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, get_args

from core.controls import InForce
from core.vocabulary import Authority, Stage
from escalation.audit import probability
from escalation.control_quality import Quality, audits_doubled, cap
from escalation.signals import readable
from escalation.stages import in_effect

ORDER: Final[tuple[Authority, ...]] = get_args(Authority)
"""From least to most: observe, suggest, prefill, execute."""
NOTHING_LOWERS_IT: Final = "Nothing lowers it."


@dataclass(frozen=True, slots=True)
class Have:
    """What a task type has to show for itself, and what people have said of it.

    `lowered`: no more than this, whatever is earned. `waived`: the stage for which an admin gave up certification.
    """

    threshold: float | None = None
    farthest: float | None = None
    granted: str | None = None
    waived: str | None = None
    lowered: str | None = None
    era: int = 0
    since_raise: int = 0
    quality: Quality = field(default_factory=Quality)


@dataclass(frozen=True, slots=True)
class Configured:
    """What the installation says. `allowed`: no more than this; `asks`: fixed checkpoint."""

    environment: str
    allowed: str = "execute"
    stage: Stage = "matrix"
    asks: bool = False


def known(level: object) -> Authority:
    """`level` if it is one, else observe."""
    return next((each for each in ORDER if each == level), "observe")


def earned(environment: str, threshold: float | None, granted: str | None = None) -> Authority:
    """What a task type has earned. `granted`: an admin's grant, which is an event.

    `local` executes with nothing certified, so that a newcomer can approve and publish. Elsewhere a type starts at
    suggest, a certificate earns prefill, and committing the irreversible after its gate is granted, not earned.
    """
    if environment == "local":
        return "execute"
    base: Authority = "suggest" if readable(threshold) is None else "prefill"
    return base if granted is None else max(base, known(granted), key=ORDER.index)


def in_force(earned_level: str, environment_level: str, quality: Quality) -> InForce:
    """min(earned, environment, control quality); a level that isn't known is observe."""
    parts = {
        "earned by this task type": known(earned_level),
        "allowed in this environment": known(environment_level),
        f"left by control quality ({quality.band}, {_quality_reason(quality)})": cap(quality.band),
    }
    level = min(parts.values(), key=ORDER.index)
    binding = [what for what, part in parts.items() if part == level]
    if level == "execute":
        return InForce(level, (NOTHING_LOWERS_IT,))
    return InForce(level, tuple(f"No more than {level} is {what}." for what in binding))


def holding(configured: Configured, have: Have) -> InForce:
    """All that bounds what a task type does without a person.

    In `local` poor control quality does not lower the level, since one person is everybody there; nothing runs alone
    by its score then.
    """
    local = configured.environment == "local"
    base = earned(configured.environment, have.threshold, have.granted)
    level = in_force(base, configured.allowed, Quality() if local else have.quality)
    if have.lowered is not None and ORDER.index(known(have.lowered)) <= ORDER.index(level.level):
        level = InForce(known(have.lowered), (f"A person has lowered it to {known(have.lowered)}.",))
    stage = in_effect(configured.stage, have.waived)
    withheld = local and ORDER.index(cap(have.quality.band)) < ORDER.index("execute")
    threshold = None if withheld else readable(have.threshold)
    why = (f"Control quality is {have.quality.band} ({_quality_reason(have.quality)}), so every score asks.",)
    return replace(
        level,
        reasons=(*level.reasons, *(why if withheld else ()), *_stage_reason(configured.stage, stage)),
        certified=threshold is not None or stage != "matrix",
        threshold=threshold,
        farthest=None if threshold is None else have.farthest,
        stage="matrix" if withheld else stage,
        asks=configured.asks and stage != "full",
        audits=probability(have.since_raise, audits_doubled(have.quality.band)),
        era=have.era,
    )


def _stage_reason(configured: Stage, stage: Stage) -> tuple[str, ...]:
    if configured == stage:
        return ()
    return (f"It is set to {configured}, which no admin has granted, so it is {stage}.",)


def _quality_reason(quality: Quality) -> str:
    if quality.weakest is None:
        return "not measured yet"
    return f"weakest signal {quality.weakest} at {quality.value:.2f}"
