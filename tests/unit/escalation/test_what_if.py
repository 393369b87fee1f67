import pytest

from core.errors import BadInput
from escalation.what_if import checked_threshold, parse_weights, rescored

BODY = {
    "low_confidence": 0.2,
    "novelty": 0.8,
    "historical_need": 0.5,
    "total": 0.5,
    "threshold": None,
    "band": "review",
}


def test_a_score_is_as_it_was_unless_something_else_is_supposed() -> None:
    assert rescored(BODY, None, None) == (0.5, "review")
    assert rescored(BODY, None, 0.5) == (0.5, "proceed")
    assert rescored(BODY, {"low_confidence": 1.0, "novelty": 0.0, "historical_need": 0.0}, 0.3) == (0.2, "proceed")
    assert rescored(BODY | {"total": 0.9, "band": "block"}, None, 0.95).band == "block"


def test_what_was_not_decided_by_the_score_is_not_by_another() -> None:
    gated, waived = BODY | {"total": 0.2, "threshold": 0.3}, BODY | {"band": "proceed"}
    assert rescored(gated, None, None).band == "review" == rescored(gated, None, 0.4).band
    assert rescored(waived, None, 0.1).band == "proceed"


@pytest.mark.parametrize("said", ["", "1", "0.5,0.5", "0.5,0.5,0.5", "2,-1,0", "a,b,c", "nan,0,1"])
def test_weights_that_are_none_are_refused(said: str) -> None:
    with pytest.raises(BadInput, match="three shares that make 1"):
        parse_weights(said)


@pytest.mark.parametrize("said", [-0.1, 1.1, float("nan")])
def test_a_threshold_that_is_no_score_is_refused(said: float) -> None:
    with pytest.raises(BadInput, match="from 0 to 1"):
        checked_threshold(said)
    assert parse_weights("0.5,0.3,0.2")["novelty"] == 0.3
