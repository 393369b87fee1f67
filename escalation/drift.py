"""Has something shifted? The latest of a series against what came before it. Pure.

A shift need not be a failure: another kind of keyword makes other articles. It says that what was certified may be
about another world, so somebody should look.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LATEST: Final = 50
"""Values that are held against the ones before them."""
ENOUGH: Final = 30
"""Values on either side, under which nothing is said."""
_SURPRISE: Final = 3.9
"""Standard errors; one series in ten thousand is so far off by chance, so that looking often at a few stays quiet."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A series that has shifted, in words."""

    what: str
    words: str


def of_numbers(what: str, series: Sequence[float]) -> Shift | None:
    """`series` oldest first, such as the length of each article. Welch's comparison of means."""
    before, after = series[:-LATEST], series[-LATEST:]
    if len(before) < ENOUGH or len(after) < ENOUGH:
        return None
    old, new = statistics.fmean(before), statistics.fmean(after)
    error = math.sqrt(statistics.variance(before) / len(before) + statistics.variance(after) / len(after))
    surprise = abs(new - old) / error if error > 0 else (0.0 if new == old else math.inf)
    if surprise < _SURPRISE:
        return None
    return Shift(what, f"{what} went from {old:.3g} to {new:.3g} on average (last {len(after)} against {len(before)})")


def of_words(what: str, series: Sequence[str]) -> Shift | None:
    """`series` oldest first, such as the reason of each verdict. Pearson's chi-square over the counts, rare words
    together; as standard errors by Wilson and Hilferty (1931)."""
    before, after = series[:-LATEST], series[-LATEST:]
    if len(before) < ENOUGH or len(after) < ENOUGH:
        return None
    table = _counted(before, after)
    if len(table) < 2 or _surprise(table) < _SURPRISE:
        return None
    word = max(table, key=lambda each: abs(table[each][1] / len(after) - table[each][0] / len(before)))
    old, new = table[word][0] / len(before), table[word][1] / len(after)
    return Shift(what, f"{what}: {word} went from {old:.0%} to {new:.0%} (last {len(after)} against {len(before)})")


def _counted(before: Sequence[str], after: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Word -> (count before, count after); words seen fewer than ten times in all are one."""
    counts = {word: (before.count(word), after.count(word)) for word in dict.fromkeys([*before, *after])}
    rare = [word for word, pair in counts.items() if sum(pair) < 10]
    together = tuple(sum(counts[word][side] for word in rare) for side in (0, 1))
    common = {word: pair for word, pair in counts.items() if word not in rare}
    return {**common, "the rest": (together[0], together[1])} if sum(together) else common


def _surprise(table: Mapping[str, tuple[int, int]]) -> float:
    totals = [sum(pair[side] for pair in table.values()) for side in (0, 1)]
    whole = sum(totals)
    expected = {(word, side): sum(pair) * totals[side] / whole for word, pair in table.items() for side in (0, 1)}
    square = sum((table[word][side] - count) ** 2 / count for (word, side), count in expected.items())
    freedom = len(table) - 1
    return (math.cbrt(square / freedom) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))
