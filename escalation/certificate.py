"""How far a task type has earned to act alone: one certificate per (task type, behaviour version).

For each candidate threshold t an e-process (betting.py) tests "the silent-failure rate among what would run alone at t
is at least alpha". Only labelled outcomes move it: what was escalated is always labelled (propensity 1), what ran alone
is labelled when its audit coin fell so (propensity p). An outcome's bet is weighted by floor / propensity, where floor
is the lowest propensity possible at that moment: 1 while everything asks, p as soon as anything runs alone. Then
E[weight * labelled * (alpha - loss)] = floor * (alpha - risk), whatever was escalated, so looking, raising and auditing
less never make it invalid. It needs: the coin's probability depends on the moment, not on the outcome; audits that
nobody answers are entered as unclear; what may never run alone (gates, a novelty alarm) is left out. It speaks of the
risk while it gathered its labels; a later change is revocation's business.

Candidates are tested lowest first: t counts only when every lower candidate has fired too, so that the chance of ever
standing on a wrong one stays 5 % for all of them together. A candidate that no score falls under would block the rest
for ever; therefore the first OPENING scores, without a look at labels, choose where the sequence starts. To keep that
choice apart from the evidence, higher candidates, and all of them when the start is not the lowest, count from the
outcome after the opening.

All arithmetic is sequential additions and multiplications of Python floats: the same log gives the same bits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from core.vocabulary import Risk
from escalation.betting import Evidence, settle, stakes_on
from escalation.signals import readable

CANDIDATES: Final = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50)
ALPHA: Final[Mapping[Risk, float]] = {"low": 0.10, "normal": 0.05, "high": 0.02}
OPENING: Final = 20
"""Outcomes whose scores choose the start; fewer than the 39 that the quickest certificate takes."""
INHABITED: Final = 5
"""Of the opening's scores, how many must fall under a candidate for the sequence to start there."""


class Outcome(NamedTuple):
    """One labelled outcome. `verdict` is on the agent's own proposal; anything but "right" is a loss."""

    score: float
    verdict: str
    propensity: float = 1.0
    floor: float = 1.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """Evidence per candidate. `first`: index of the lowest candidate in use, None during the opening."""

    alpha: float
    evidence: tuple[Evidence, ...] = (Evidence(),) * len(CANDIDATES)
    opening: tuple[int, ...] = (0,) * (len(CANDIDATES) + 1)
    first: int | None = None

    @property
    def seen(self) -> int:
        """Outcomes of the opening so far."""
        return sum(self.opening)

    @property
    def level(self) -> int | None:
        """Index of the highest candidate in force, None when everything asks."""
        start = self.first or 0
        fired = start
        while fired < len(CANDIDATES) and self.evidence[fired].fired:
            fired += 1
        return fired - 1 if fired > start else None

    @property
    def threshold(self) -> float | None:
        """The score up to which the type acts alone; None when everything asks."""
        return None if self.level is None else CANDIDATES[self.level]

    def to_json(self) -> dict[str, Any]:
        return {
            "alpha": self.alpha,
            "evidence": [list(one) for one in self.evidence],
            "opening": list(self.opening),
            "first": self.first,
        }


def fresh(risk: str) -> Certificate:
    """Nothing earned yet. A risk class that isn't known counts as high."""
    return Certificate({str(known): alpha for known, alpha in ALPHA.items()}.get(risk, ALPHA["high"]))


def from_json(stored: Mapping[str, Any]) -> Certificate:
    """The certificate that `to_json` wrote, to the same bit."""
    evidence = tuple(Evidence(*one) for one in stored["evidence"])
    return Certificate(stored["alpha"], evidence, tuple(stored["opening"]), stored["first"])


def update(certificate: Certificate, outcome: Outcome) -> Certificate:
    """The certificate after one more labelled outcome.

    An unreadable score or propensity never helps: a loss then counts at every candidate, a clean outcome nowhere.
    """
    loss = outcome.verdict != "right"
    score, weight = readable(outcome.score), _weight(outcome)
    if score is None or weight is None:
        if not loss:
            return certificate
        score, weight = 0.0 if score is None else score, weight or 1.0
    band = bisect_left(CANDIDATES, score)
    before = certificate.seen
    if before < OPENING:
        certificate = _open(certificate, band)
    stakes = stakes_on(certificate.alpha, weight, loss)
    evidence = list(certificate.evidence)
    for index in range(band, 1 if before < OPENING else len(CANDIDATES)):
        evidence[index] = settle(evidence[index], stakes)
    return Certificate(certificate.alpha, tuple(evidence), certificate.opening, certificate.first)


def recompute(risk: str, log: Iterable[Outcome]) -> Certificate:
    """The certificate from its log, oldest first."""
    certificate = fresh(risk)
    for outcome in log:
        certificate = update(certificate, outcome)
    return certificate


def _weight(outcome: Outcome) -> float | None:
    """floor / propensity, or None unless 0 < floor <= propensity <= 1."""
    propensity, floor = readable(outcome.propensity), readable(outcome.floor)
    if propensity is None or floor is None or not 0 < floor <= propensity:
        return None
    return floor / propensity


def _open(certificate: Certificate, band: int) -> Certificate:
    """Count one score of the opening; with the last one, choose the lowest candidate that enough scores fall under."""
    opening = tuple(count + (index == band) for index, count in enumerate(certificate.opening))
    if sum(opening) < OPENING:
        return replace(certificate, opening=opening)
    under, first = 0, 0
    for index in range(len(CANDIDATES)):
        under, first = under + opening[index], index
        if under >= INHABITED:
            break
    return replace(certificate, opening=opening, first=first)
