from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.actions import SelfReport
from core.ports import UNUSABLE, NoveltyReading
from escalation.novelty import DIMENSIONS, embed, novelty_of_distance
from escalation.score import Signals, Words, score
from escalation.signals import Readings, Samples, historical_need, low_confidence


def signals(
    confidence: float | None = 0.9,
    novelty: float = 0.0,
    changed: int = 0,
    decided: int = 8,
    threshold: float | None = None,
    assumptions: tuple[str, ...] = (),
) -> Signals:
    report = SelfReport(confidence=confidence, unresolved_assumptions=assumptions)
    return Signals(report, NoveltyReading(novelty, 5 if novelty < 1 else 0, "test"), changed, decided, threshold)


def test_with_nothing_certified_even_the_surest_proposal_asks() -> None:
    sure = score(signals(confidence=1.0))
    assert sure.band == "review"
    assert "nothing is certified" in sure.reasons[-1]


def test_within_a_certified_threshold_it_proceeds_and_above_it_asks() -> None:
    assert score(signals(threshold=0.2)).band == "proceed"
    assert score(signals(threshold=0.2, novelty=0.9)).band == "review"


def test_a_score_above_the_limit_blocks_whatever_is_certified() -> None:
    worst = score(signals(confidence=None, novelty=1.0, changed=8, threshold=0.9, assumptions=("a", "b", "c")))
    assert worst.band == "block" and worst.total > 0.85


def test_a_task_newer_than_what_is_certified_asks_though_its_score_is_within() -> None:
    within = signals(threshold=0.5, novelty=0.6)
    assert score(replace(within, farthest=0.6)).band == "proceed"
    newer = score(replace(within, farthest=0.5999))
    assert newer.band == "review" and "is newer than those that the certificate rests on" in newer.reasons[-1]
    for unreadable in (math.nan, 1.7):
        assert score(replace(within, farthest=unreadable)).band == "review"
    assert score(replace(signals(threshold=0.9, novelty=math.nan), farthest=0.99)).band == "review"


@pytest.mark.parametrize(
    ("novelty", "similar", "said"),
    [
        (0.82, 41, "Nothing like it among 41 past keywords (novelty 0.82, lexical distance to the nearest)."),
        (0.4, 41, "Somewhat like the nearest of 41 past keywords (novelty 0.40, lexical distance to the nearest)."),
        (0.1, 1, "Much like the one past keyword (novelty 0.10, lexical distance to the nearest)."),
    ],
)
def test_novelty_is_told_in_words(novelty: float, similar: int, said: str) -> None:
    reading = NoveltyReading(novelty, similar, "lexical distance to the nearest")
    given = replace(signals(), novelty=reading, words=Words("angle", "keyword"))
    assert said in score(given).reasons


def test_whose_proposals_people_changed_is_told() -> None:
    given = replace(signals(changed=3, decided=20), words=Words("angle", "keyword"))
    assert "People changed 3 of 20 earlier proposals of this kind." in score(given).reasons
    like_it = score(replace(given, alike=True)).reasons
    assert "People changed 3 of 20 earlier proposals for the keywords most like it." in like_it


def test_an_index_that_is_down_is_told_as_such_and_counts_in_full() -> None:
    given = replace(signals(), novelty=NoveltyReading(1.0, 0, f"{UNUSABLE} (gone), so everything counts as new"))
    scored = score(given)
    assert scored.novelty == 1.0 and f"cannot be told: {UNUSABLE} (gone)" in " ".join(scored.reasons)


def test_the_reasons_say_what_the_samples_chose_and_which_could_not_be_drawn() -> None:
    said = score(replace(signals(confidence=0.4), readings=Readings(Samples(3, 3, 1)), words=Words("angle"))).reasons
    assert "Two of three further samples chose another angle." in said
    assert "One of three further samples could not be drawn, which counts as another choice." in said
    assert "The model itself is not sure (0.40 of 1)." in said


def test_no_confidence_counts_as_none_and_so_does_nan() -> None:
    assert low_confidence(SelfReport(confidence=None)) == low_confidence(SelfReport(confidence=0.0))
    assert low_confidence(SelfReport.model_construct(confidence=math.nan, unresolved_assumptions=())) == 0.5


def test_no_history_is_half_and_history_moves_it() -> None:
    assert historical_need(0, 0) == 0.5
    assert historical_need(0, 8) == pytest.approx(0.1)
    assert historical_need(8, 8) == pytest.approx(0.9)
    with pytest.raises(ValueError, match="changed 3 of 2"):
        historical_need(3, 2)


@given(
    st.none() | st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 50),
    st.integers(0, 50),
    st.lists(st.text(), max_size=5),
)
def test_parts_and_total_stay_between_0_and_1(
    confidence: float | None, novelty: float, changed: int, kept: int, assumptions: list[str]
) -> None:
    scored = score(signals(confidence, novelty, changed, changed + kept, None, tuple(assumptions)))
    for part in (scored.low_confidence, scored.novelty, scored.historical_need, scored.total):
        assert 0 <= part <= 1
    mean = (scored.low_confidence + scored.novelty + scored.historical_need) / 3
    assert scored.total == pytest.approx(mean, abs=1e-3)


@given(st.text())
def test_an_embedding_is_a_unit_vector_whatever_the_text(text: str) -> None:
    vector = embed(text)
    assert len(vector) == DIMENSIONS
    assert math.fsum(value * value for value in vector) == pytest.approx(1.0)


def test_what_shares_words_is_nearer_than_what_does_not() -> None:
    def distance(one: str, other: str) -> float:
        return 1 - math.fsum(a * b for a, b in zip(embed(one), embed(other), strict=True))

    assert distance("crm for startups", "best crm for startups") < distance("crm for startups", "standing desk price")


def test_a_distance_that_is_no_number_is_new() -> None:
    assert novelty_of_distance(math.nan) == 1.0
    assert novelty_of_distance(-0.001) == 0.0
    assert novelty_of_distance(1.7) == 1.0
