"""Real answers of eight language models, as populations to draw proposals from. See data/SOURCES.md."""

from __future__ import annotations

import csv
import gzip
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from core.actions import SelfReport
from escalation import learning
from escalation.certificate import CANDIDATES
from escalation.signals import UNREADABLE, Readings, Samples, confidence_parts, mean_of_present

DATA: Final = Path(__file__).parent / "data" / "judgements.csv.gz"
OTHER_MODELS: Final = 3


class Judgement(NamedTuple):
    """One answer: doubt by self-report, wording and panel, their mean as the score, and whether it was wrong."""

    agent: str
    task_type: str
    self_report: float
    score: float
    wrong: bool


class Population(NamedTuple):
    """All answers of one agent to one task type: where true risks are known exactly.

    `risks[i]` and `shares[i]` are of what scores at most CANDIDATES[i]; the risk of nobody is 0.
    """

    agent: str
    task_type: str
    scores: tuple[float, ...]
    wrong: tuple[bool, ...]
    risks: tuple[float, ...]
    shares: tuple[float, ...]

    def risk_at(self, threshold: float) -> float:
        losses = [wrong for score, wrong in zip(self.scores, self.wrong, strict=True) if score <= threshold]
        return sum(losses) / len(losses) if losses else 0.0

    def oracle(self, alpha: float) -> float:
        """Share acting alone at the best candidate for someone who knows the risks."""
        allowed = zip(self.shares, self.risks, strict=True)
        return max((share for share, risk in allowed if risk <= alpha), default=0.0)


@cache
def judgements() -> tuple[Judgement, ...]:
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as file:
        return tuple(_judgement(row) for row in csv.DictReader(file))


def _judgement(row: dict[str, str]) -> Judgement:
    """Through the product's own functions; no assumptions were asked for, so that part is absent."""
    stated = float(row["verbal"]) if row["verbal"] else None
    readings = Readings(
        samples=Samples(OTHER_MODELS, OTHER_MODELS - int(row["panel_agree"])),
        decisiveness=float(row["hedge_read"]) if row["hedge_read"] else UNREADABLE,
    )
    parts = confidence_parts(SelfReport(confidence=stated), readings) | {"assumptions": None}
    score = round(mean_of_present(parts), 4)
    return Judgement(row["agent"], row["task_type"], parts["self_report"] or 0.0, score, row["correct"] != "1")


def by_agent() -> dict[str, list[Judgement]]:
    grouped: dict[str, list[Judgement]] = defaultdict(list)
    for judgement in judgements():
        grouped[judgement.agent].append(judgement)
    return dict(grouped)


def populations() -> list[Population]:
    def key(one: Judgement) -> tuple[str, str]:
        return one.agent, one.task_type

    return [_population(*pair, list(members)) for pair, members in groupby(sorted(judgements(), key=key), key)]


def _population(agent: str, task_type: str, members: Sequence[Judgement]) -> Population:
    count, lost = [0] * (len(CANDIDATES) + 1), [0] * (len(CANDIDATES) + 1)
    for one in members:
        band = bisect_left(CANDIDATES, one.score)
        count[band] += 1
        lost[band] += one.wrong
    under = [(sum(count[: index + 1]), sum(lost[: index + 1])) for index in range(len(CANDIDATES))]
    return Population(
        agent,
        task_type,
        tuple(one.score for one in members),
        tuple(one.wrong for one in members),
        tuple(losses / number if number else 0.0 for number, losses in under),
        tuple(number / len(members) for number, _ in under),
    )


def auroc(pairs: Iterable[tuple[float, bool]]) -> float:
    """Chance that a wrong answer scores above a right one, ties half."""
    return learning.auroc((score, wrong, 1.0) for score, wrong in pairs)
