from __future__ import annotations

from escalation.hand_rule import HIGHEST, HandRule, review


def reviewed(rights: str) -> float:
    rule = HandRule()
    for mark in rights:
        rule = review(rule, mark == "+")
    return rule.threshold


def test_ten_clean_reviews_in_a_row_raise_it_by_two_hundredths() -> None:
    assert reviewed("+" * 9) == 0.05
    assert reviewed("+" * 10) == 0.07
    assert reviewed("+" * 9 + "-" + "+" * 9) == 0.05


def test_it_never_falls_and_stops_at_the_top() -> None:
    assert reviewed("+" * 20 + "-" * 500) == 0.09
    assert reviewed("+" * 1_000) == HIGHEST
