"""The certificate beside MAPIE's risk control, which is valid for one look at a number of outcomes fixed beforehand."""

from __future__ import annotations

import pytest

from escalation.betting import Evidence, clean_needed, risk_bound, settle, stakes_on
from escalation.certificate import ALPHA


def p_value(losses: int, outcomes: int, alpha: float) -> float:
    """MAPIE's, for 0/1 losses."""
    import numpy as np  # only now: every worker of the tests reads this file, and one needs four seconds of imports
    from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value

    return float(compute_hoeffding_bentkus_p_value(np.array([losses / outcomes]), outcomes, alpha, binary=True)[0, 0])


def fired_after(losses: int, alpha: float) -> int:
    """Outcomes until the certificate fires when the losses come first."""
    evidence = Evidence()
    for _ in range(losses):
        evidence = settle(evidence, stakes_on(alpha, 1.0, loss=True))
    needed = clean_needed(evidence, alpha)
    assert needed is not None
    return losses + needed


@pytest.mark.parametrize("alpha", ALPHA.values())
@pytest.mark.parametrize("losses", [0, 1, 3, 8])
def test_what_is_certified_at_every_look_is_certified_at_one_look_too_and_not_the_other_way(
    alpha: float, losses: int
) -> None:
    ours = fired_after(losses, alpha)
    theirs = next(count for count in range(losses + 1, 10_000) if p_value(losses, count, alpha) <= 0.05)
    assert p_value(losses, ours, alpha) <= 0.05
    assert theirs < ours <= 3 * theirs, "the price of looking at any time"


def test_the_bound_that_is_told_is_never_below_the_one_for_a_single_look() -> None:
    for losses, clean in ((0, 39), (0, 201), (2, 150), (7, 400)):
        bound = risk_bound(Evidence(clean=float(clean), lost=float(losses)))
        assert p_value(losses, losses + clean, bound) <= 0.05
