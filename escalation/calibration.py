"""What a stated confidence has turned out to mean, learned per behaviour version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from escalation.signals import readable

ENOUGH: Final = 200
"""Labels before a calibration is used. Under it a free monotone fit follows noise too often. On the real answers of
evals/data it beat the bare self-report (Brier score on 2,000 others) in 67 % of draws with 50 labels, 82 % with 100 and
96 % with 200; `autonomy eval escalation` prints the last."""
SPOKEN_FOR: Final = 20
"""Labels that a step rests on at least. One that rests on fewer counts as the step below it: what few say by chance
must not make anybody believed more."""


class Label(NamedTuple):
    """One judged proposal: what the model stated, whether it was right, and the chance that it was judged at all."""

    stated: float
    right: bool
    propensity: float = 1.0


class _Block(NamedTuple):
    start: float
    weight: float
    right: float
    labels: int

    @property
    def rate(self) -> float:
        return self.right / self.weight


class Step(NamedTuple):
    """From `start` on up to the next step: `rate` of so many labels were right."""

    start: float
    rate: float
    labels: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising step function from stated confidence to the share that was right. Plain numbers, JSON when dumped."""

    steps: tuple[Step, ...]

    def __call__(self, stated: float | None) -> float:
        """Share right among those that stated this much; the step below between two; 0 for what is not in 0..1."""
        confidence = readable(stated)
        if confidence is None:
            return 0.0
        step = self.step(confidence)
        return min(confidence, self.steps[0].rate) if step is None else step.rate

    def step(self, stated: float) -> Step | None:
        """The step that speaks for what was stated; None below the first."""
        reached = [step for step in self.steps if step.start <= stated]
        return reached[-1] if reached else None


def calibrate(labels: Sequence[Label]) -> Calibration | None:
    """Isotonic regression of right on stated by pool-adjacent-violators (Ayer et al. 1955), weighted by 1 / propensity.

    None with fewer than ENOUGH readable labels, or when no step has enough of them: the self-report is then taken as it
    is.
    """
    usable = sorted(label for label in labels if readable(label.stated) is not None and 0 < label.propensity <= 1)
    if len(usable) < ENOUGH:
        return None
    blocks: list[_Block] = []
    for stated, same in groupby(usable, key=lambda label: label.stated):
        blocks.append(_block(stated, list(same)))
        while len(blocks) > 1 and blocks[-2].rate >= blocks[-1].rate:
            last, before = blocks.pop(), blocks.pop()
            weight, right = before.weight + last.weight, before.right + last.right
            blocks.append(_Block(before.start, weight, right, before.labels + last.labels))
    steps = tuple(Step(block.start, block.rate, block.labels) for block in blocks if block.labels >= SPOKEN_FOR)
    return Calibration(steps) if steps else None


def _block(stated: float, labels: Sequence[Label]) -> _Block:
    weights = [1 / label.propensity for label in labels]
    right = sum(weight for weight, label in zip(weights, labels, strict=True) if label.right)
    return _Block(stated, sum(weights), right, len(labels))
