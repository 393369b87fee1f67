"""What may run without a person: the least of what was earned, what the environment allows and how control stands."""

from __future__ import annotations

from typing import Final, get_args

from core.controls import InForce
from core.vocabulary import Authority
from escalation.control_quality import Quality, cap
from escalation.signals import readable

ORDER: Final[tuple[Authority, ...]] = get_args(Authority)
"""From least to most: observe, suggest, prefill, execute."""


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
        return InForce(level, ("Nothing lowers it.",))
    return InForce(level, tuple(f"No more than {level} is {what}." for what in binding))


def _quality_reason(quality: Quality) -> str:
    if quality.weakest is None:
        return "not measured yet"
    return f"weakest signal {quality.weakest} at {quality.value:.2f}"
