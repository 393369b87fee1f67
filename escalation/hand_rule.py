"""The rule of thumb that certificates replace: "+0.02 per ten clean reviews". Kept as the baseline that must fail.

It is the kind reading: the ten must be in a row, and audits that went well count as reviews. Still it promises nothing:
ten clean outcomes in a row are common at a risk of 10 %, and it never learns how risky what it lets through is.
"""

from __future__ import annotations

from typing import Final, NamedTuple

START: Final = 0.05
STEP: Final = 0.02
CLEAN_REVIEWS: Final = 10
HIGHEST: Final = 0.50


class HandRule(NamedTuple):
    threshold: float = START
    clean: int = 0


def review(rule: HandRule, right: bool) -> HandRule:
    """One review or audit later."""
    if not right:
        return HandRule(rule.threshold, 0)
    if rule.clean + 1 < CLEAN_REVIEWS:
        return HandRule(rule.threshold, rule.clean + 1)
    return HandRule(min(HIGHEST, round(rule.threshold + STEP, 2)), 0)
