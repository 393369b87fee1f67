"""Taking autonomy back when the risk of what runs alone has risen.

An e-CUSUM (Shin, Ramdas & Rinaldo 2023, "E-detectors: a nonparametric framework for sequential change detection"):
after each audited outcome M = max(M, 1) * factor, alarm at 100. The factor is the likelihood ratio of a loss rate of
3.25 alpha against alpha: a fair bet at alpha and a losing one below, so the mean time to a false alarm is at least 100
audits at alpha itself and very much longer below it. Audits enter with weight 1: their coin depends on the moment, not
on the action, so each is a fair draw from what ran alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

ALARM_AT: Final = 100.0
AIMS_AT: Final = 3.25
"""Multiple of alpha the bet is best against: 3 notices 4 alpha too late at 5 %, 4 cries wolf too often at 10 %."""
_HIGHEST_AIM: Final = 0.9


class Watch(NamedTuple):
    """`value` is M. An alarm stays until the certificate is voided and a new watch begins."""

    alpha: float
    value: float = 1.0
    audits: int = 0
    losses: int = 0
    alarmed: bool = False


def observe(watch: Watch, verdict: str) -> Watch:
    """One more audited outcome; anything but "right" is a loss."""
    loss = verdict != "right"
    aim = min(_HIGHEST_AIM, AIMS_AT * watch.alpha)
    factor = aim / watch.alpha if loss else (1.0 - aim) / (1.0 - watch.alpha)
    value = min(max(watch.value, 1.0) * factor, ALARM_AT)
    return Watch(watch.alpha, value, watch.audits + 1, watch.losses + loss, watch.alarmed or value >= ALARM_AT)


def replay(alpha: float, verdicts: Iterable[str]) -> Watch:
    """The watch from its log, oldest first, to the same bit."""
    watch = Watch(alpha)
    for verdict in verdicts:
        watch = observe(watch, verdict)
    return watch


def describe(watch: Watch) -> str:
    counted = f"{watch.losses} of {watch.audits} audits since the certificate were wrong or unclear"
    if watch.alarmed:
        return f"Autonomy is withdrawn: {counted}, too many for a rate of {watch.alpha:.0%}. Everything asks again."
    return f"{counted}; alarm level {watch.value:.3g} of {ALARM_AT:.0f}."
