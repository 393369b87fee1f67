from __future__ import annotations

import random

from escalation.drift import ENOUGH, LATEST, of_numbers, of_words


def numbers(seed: int, mean: float, count: int) -> list[float]:
    drawn = random.Random(seed)
    return [drawn.gauss(mean, 100) for _ in range(count)]


def words(seed: int, share: float, count: int) -> list[str]:
    drawn = random.Random(seed)
    return ["fact" if drawn.random() < share else drawn.choice(["voice", "links", "other"]) for _ in range(count)]


def test_a_shift_is_found_and_said_with_what_it_is_compared_with() -> None:
    shift = of_numbers("words of an article", numbers(1, 1000, 200) + numbers(2, 700, LATEST))
    assert shift is not None and "on average (last 50 against 200)" in shift.words
    shift = of_words("reasons", words(1, 0.1, 200) + words(2, 0.6, LATEST))
    assert shift is not None and shift.words.startswith("reasons: fact went from ")


def test_no_more_than_chance_is_no_shift() -> None:
    assert sum(of_numbers("n", numbers(seed, 1000, 250)) is not None for seed in range(300)) <= 2
    assert sum(of_words("w", words(seed, 0.3, 250)) is not None for seed in range(300)) <= 2


def test_too_little_says_nothing_and_what_never_varies_only_when_it_changes() -> None:
    assert of_numbers("n", [1.0] * (LATEST + ENOUGH - 1)) is None
    assert of_numbers("n", [1.0] * 200) is None
    assert of_numbers("n", [1.0] * 200 + [2.0] * LATEST) is not None
    assert of_words("w", ["fact"] * 200) is None
    assert of_words("w", ["fact"] * 200 + ["voice"] * LATEST) is not None
