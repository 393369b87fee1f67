"""Where a task type stands: its certificate and the watch over it, moved by one labelled outcome at a time. Pure.

An alarm of the watch voids both: a new era begins with nothing earned. Outcomes of proposals that were scored in an
earlier era can only harm the new one. The same log gives the same standing, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from core.vocabulary import Risk
from escalation.certificate import Certificate, Outcome, fresh, from_json, update
from escalation.revocation import Watch, begun, observe

LIFTED: Final = frozenset({"suggest-needs-person", "uncertified-needs-person"})
"""Rules that send a call to a person only for want of a certificate. What any other rule sends there may never run
alone, and is no evidence about what does."""


class Labelled(NamedTuple):
    """One outcome with its verdict. `floor`: the lowest propensity possible when it was scored."""

    score: float | None
    verdict: str
    propensity: float
    floor: float
    alone: bool
    era: int


@dataclass(frozen=True, slots=True)
class Standing:
    """`era`: how often autonomy was taken back; `counted`: labelled outcomes so far, in all eras."""

    certificate: Certificate
    watch: Watch
    era: int = 0
    counted: int = 0

    @property
    def threshold(self) -> float | None:
        return self.certificate.threshold

    def to_json(self) -> dict[str, Any]:
        """In the columns of the table of the same name."""
        return {
            "certificate": self.certificate.to_json(),
            "watch": list(self.watch),
            "era": self.era,
            "counted": self.counted,
        }


class Judged(NamedTuple):
    """After one more outcome. `alarm`: the watch that took autonomy back, None when it did not."""

    standing: Standing
    alarm: Watch | None


def beginning(risk: Risk | str, head_start: float | None = None) -> Standing:
    """Nothing earned yet. `head_start`: of the watch, where it is not today's."""
    certificate = fresh(risk)
    return Standing(certificate, begun(certificate.alpha, head_start))


def stored(row: Mapping[str, Any]) -> Standing:
    """The standing that `to_json` wrote, to the same bit."""
    return Standing(from_json(row["certificate"]), Watch(*row["watch"]), row["era"], row["counted"])


def judged(standing: Standing, outcome: Labelled) -> Judged:
    """The standing after one more labelled outcome, and the alarm if it raised one."""
    counted = standing.counted + 1
    if outcome.era != standing.era and outcome.verdict == "right":
        return Judged(Standing(standing.certificate, standing.watch, standing.era, counted), None)
    score = float("nan") if outcome.score is None else outcome.score
    seen = Outcome(score, outcome.verdict, outcome.propensity, outcome.floor)
    certificate, watch = update(standing.certificate, seen), standing.watch
    if outcome.alone and outcome.era == standing.era:
        watch = observe(watch, outcome.verdict)
    if not watch.alarmed:
        return Judged(Standing(certificate, watch, standing.era, counted), None)
    alpha = certificate.alpha
    return Judged(Standing(Certificate(alpha), begun(alpha, watch.began_at), standing.era + 1, counted), watch)


def recomputed(risk: Risk | str, log: Iterable[Labelled]) -> Standing:
    """The standing from its log, oldest first."""
    standing = beginning(risk)
    for outcome in log:
        standing = judged(standing, outcome).standing
    return standing


def counts(tier: str, rules: Iterable[str], asks: bool) -> bool:
    """Whether a proposal is evidence at all: not one that a gate or a fixed checkpoint always sends to a person."""
    return tier != "irreversible" and not asks and set(rules) <= LIFTED
