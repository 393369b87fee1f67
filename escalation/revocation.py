"""Taking autonomy back when the risk of what runs alone has risen.

An e-CUSUM (Shin, Ramdas & Rinaldo 2023, "E-detectors: a nonparametric framework for sequential change detection"):
after each audited outcome M = max(M, 1) * factor, alarm at 100. The factor is the likelihood ratio of a loss rate of
3.25 alpha against alpha: a fair bet at alpha and a losing one below. A watch begins with a head start (Lucas & Crosier
1982, "Fast initial response for CUSUM quality-control schemes"): what was only just certified is doubted first. The
mean time to a false alarm is at least 100 audits less the head start at alpha itself, and very much longer below it.
Audits enter with weight 1: their coin depends on the moment, not on the action, so each is a fair draw from what ran
alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

ALARM_AT: Final = 100.0
AIMS_AT: Final = 3.25
"""Multiple of alpha the bet is best against: 3 notices 4 alpha too late at 5 %, 4 cries wolf too often at 10 %."""
_HIGHEST_AIM: Final = 0.9
HEAD_START: Final = 22.0
"""At most: at alpha 2 % two losses in the first 20 audits or so are then an alarm, which is 27 audits at 4 alpha, 74
without one. Less where alpha is larger: every alpha is allowed 2 % false alarms in 1,000 audits at .4 alpha."""

NO_HEAD_START: Final = 1.0


class Watch(NamedTuple):
    """`value` is M. An alarm stays until the certificate is voided and a new watch begins. `began_at`: its head start;
    watches of an earlier release have none, and stay as they are."""

    alpha: float
    value: float = 1.0
    audits: int = 0
    losses: int = 0
    alarmed: bool = False
    began_at: float = NO_HEAD_START


def begun(alpha: float, head_start: float | None = None) -> Watch:
    """A watch that has seen nothing. `head_start`: that of an earlier watch, to go on as it did."""
    start = min(HEAD_START, 1.0 / alpha) if head_start is None else head_start
    return Watch(alpha, start, began_at=start)


def observe(watch: Watch, verdict: str) -> Watch:
    """One more audited outcome; anything but "right" is a loss."""
    loss = verdict != "right"
    aim = min(_HIGHEST_AIM, AIMS_AT * watch.alpha)
    factor = aim / watch.alpha if loss else (1.0 - aim) / (1.0 - watch.alpha)
    value = min(max(watch.value, 1.0) * factor, ALARM_AT)
    alarmed = watch.alarmed or value >= ALARM_AT
    return watch._replace(value=value, audits=watch.audits + 1, losses=watch.losses + loss, alarmed=alarmed)


def replay(alpha: float, verdicts: Iterable[str]) -> Watch:
    """The watch from its log, oldest first, to the same bit."""
    watch = begun(alpha)
    for verdict in verdicts:
        watch = observe(watch, verdict)
    return watch


def describe(watch: Watch) -> str:
    counted = f"{watch.losses} of {watch.audits} audits since the certificate were wrong or unclear"
    if watch.alarmed:
        return f"Autonomy is withdrawn: {counted}, too many for a rate of {watch.alpha:.0%}. Everything asks again."
    return f"{counted}; alarm level {watch.value:.3g} of {ALARM_AT:.0f}."
