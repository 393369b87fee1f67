from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.vocabulary import Trust
from escalation.memory import TRUST_ORDER, Fact, fuse

DAY = datetime(2026, 5, 1, tzinfo=UTC)


def fact(value: str, trust: Trust = "trusted", days: int = 0) -> Fact:
    return Fact("language", value, f"source of {value}", trust, DAY + timedelta(days=days))


def test_newer_and_at_least_as_trusted_holds_and_the_log_names_both() -> None:
    fused = fuse([fact("Python"), fact("TypeScript", "person", 3)])
    assert fused.verdict == "replaced" and fused.holds is not None and fused.holds.value == "TypeScript"
    assert "source of Python" in fused.log and "source of TypeScript" in fused.log


def test_newer_of_the_same_trust_holds() -> None:
    assert fuse([fact("Python"), fact("TypeScript", "trusted", 1)]).verdict == "replaced"


@pytest.mark.parametrize(
    "other",
    [fact("TypeScript", "untrusted", 3), fact("TypeScript", "person", -3), fact("TypeScript", "trusted", 0)],
    ids=["newer but less trusted", "more trusted but older", "of the same time"],
)
def test_otherwise_it_is_a_conflict_that_shows_both(other: Fact) -> None:
    fused = fuse([fact("Python"), other])
    assert fused.verdict == "conflict" and fused.holds is None
    assert "source of Python" in fused.log and "source of TypeScript" in fused.log


def test_an_answer_settles_the_conflict() -> None:
    facts = [fact("Python"), fact("TypeScript", "untrusted", 3)]
    assert fuse([*facts, fact("Python", "person", 4)]).verdict == "replaced"


def test_the_same_value_agrees_whatever_its_time() -> None:
    fused = fuse([fact("Python", "model", 9), fact("Python", "person", -9)])
    assert fused.verdict == "agreed" and fused.holds is not None and fused.holds.trust == "person"


def test_times_that_cannot_be_compared_decide_nothing() -> None:
    naive = Fact("language", "TypeScript", "form", "person", datetime(2027, 1, 1))  # noqa: DTZ001
    assert fuse([fact("Python"), naive]).verdict == "conflict"


def test_a_trust_that_is_no_word_of_ours_is_the_least() -> None:
    odd = Fact("language", "TypeScript", "form", "very trusted", DAY + timedelta(days=5))  # type: ignore[arg-type]
    assert fuse([fact("Python"), odd]).verdict == "conflict"


def test_one_subject_at_a_time() -> None:
    with pytest.raises(ValueError, match="one subject"):
        fuse([])


@given(
    st.lists(
        st.builds(fact, st.sampled_from("ab"), st.sampled_from(TRUST_ORDER), st.integers(0, 3)), min_size=1, max_size=4
    )
)
def test_the_order_in_which_facts_come_does_not_matter(facts: list[Fact]) -> None:
    results = {(fused.verdict, fused.holds and fused.holds.value) for fused in map(fuse, permutations(facts))}
    assert len(results) == 1
