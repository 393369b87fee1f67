"""Evidence that a risk is under a limit, as the wealth of a gambler who bets on clean outcomes.

The gambler doubts the claim "the loss rate is at least alpha" and stakes, on each judged outcome, the same fractions of
two purses: wealth is multiplied by 1 + fraction / (1 - alpha) * weight * (alpha - loss). Under the claim no such factor
has a mean above 1, so the wealth reaches 20 with a chance of at most 1 in 20, however often one looks (Ville 1939;
Waudby-Smith & Ramdas 2023, "Estimating means of bounded random variables by betting"; the mean of several constant bets
is their diversified Kelly bettor). 1 / (1 - alpha) is the largest bet that can't go into debt.

Why these bets. The bold purse stakes everything: the fastest for a spotless record, gone at the first loss. The patient
one stakes 30 %, the Kelly bet for a true risk of .7 alpha, and so survives losses and certifies what is merely well
below alpha. With 31 % of the start in the bold purse, 39, 79 and 201 clean outcomes reach 20 at alpha 10, 5 and 2 %.
Constant bets keep the order of the outcomes irrelevant and make wealth fall with every loss; bets that follow an
estimated risk (GRAPA) were tried and certified less.
"""

from __future__ import annotations

from typing import Final, NamedTuple

FIRES_AT: Final = 20.0
BOLD: Final = 1.0
PATIENT: Final = 0.3
_BOLD_SHARE: Final = 0.31
_PATIENT_SHARE: Final = 0.69
_RICH: Final = 1e12
"""Wealth is kept under this, so that no number of clean outcomes overflows; giving money away stays valid."""
_MOST: Final = 1_000_000


class Evidence(NamedTuple):
    """Two purses, what they were won and lost on (sums of weights), and whether they ever held 20 together."""

    bold: float = _BOLD_SHARE
    patient: float = _PATIENT_SHARE
    clean: float = 0.0
    lost: float = 0.0
    fired: bool = False

    @property
    def wealth(self) -> float:
        return self.bold + self.patient

    @property
    def rate(self) -> float:
        """Weighted share of losses among what was judged; 1 with nothing judged."""
        total = self.clean + self.lost
        return self.lost / total if total > 0 else 1.0


class Stakes(NamedTuple):
    """What one judged outcome does to either purse, and the weight it adds to the clean or the lost."""

    bold: float
    patient: float
    clean: float
    lost: float


def stakes_on(alpha: float, weight: float, loss: bool) -> Stakes:
    """`weight` in (0, 1]: the lowest propensity possible at the time over this outcome's own."""
    gain = weight * (alpha - (1.0 if loss else 0.0)) / (1.0 - alpha)
    factors = (max(0.0, 1.0 + BOLD * gain), max(0.0, 1.0 + PATIENT * gain))
    return Stakes(*factors, 0.0, weight) if loss else Stakes(*factors, weight, 0.0)


def settle(evidence: Evidence, stakes: Stakes) -> Evidence:
    """The evidence after one more outcome."""
    bold, patient, clean, lost, fired = evidence
    bold *= stakes.bold
    patient *= stakes.patient
    if bold + patient >= FIRES_AT:
        fired = True
        bold, patient = min(bold, _RICH), min(patient, _RICH)
    return Evidence(bold, patient, clean + stakes.clean, lost + stakes.lost, fired)


def clean_needed(evidence: Evidence, alpha: float) -> int | None:
    """Further clean outcomes in a row, each of weight 1, until it fires; None beyond a million."""
    if evidence.fired:
        return 0
    gain = alpha / (1.0 - alpha)
    few, enough = 0, 1
    while _after(evidence, gain, enough) < FIRES_AT:
        few, enough = enough, enough * 2
        if enough > _MOST:
            return None
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (middle, enough) if _after(evidence, gain, middle) < FIRES_AT else (few, middle)
    return enough


def risk_bound(evidence: Evidence) -> float:
    """The smallest risk that the same bets rule out at 95 %, however often one looks; 1 when they rule out nothing.

    From the sums of weights alone: by Bernoulli's inequality (1 + x)^w <= 1 + w x for w in [0, 1], so a power of the
    summed weights never exceeds the product of the single factors, and the bound errs on the safe side.
    """
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if _ruled_out(evidence, middle) else (middle, high)
    return high


def _after(evidence: Evidence, gain: float, clean: int) -> float:
    return evidence.bold * _power(1.0 + BOLD * gain, clean) + evidence.patient * _power(1.0 + PATIENT * gain, clean)


def _ruled_out(evidence: Evidence, alpha: float) -> bool:
    gain = alpha / (1.0 - alpha)
    bold = _BOLD_SHARE * _power(1.0 + BOLD * gain, evidence.clean) if evidence.lost == 0 else 0.0
    patient = _PATIENT_SHARE * _power(1.0 + PATIENT * gain, evidence.clean) * _power(1.0 - PATIENT, evidence.lost)
    return bold + patient >= FIRES_AT


def _power(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return float("inf")
