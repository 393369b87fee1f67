"""A lexical embedding that needs no download, and what a distance means.

It sees shared words and word parts, not meaning; wherever its figure is shown it is called lexical.
"""

from __future__ import annotations

import hashlib
import math
import re
from functools import lru_cache
from typing import Final

DIMENSIONS: Final = 384
NAME: Final = "lexical"
_WORD: Final = re.compile(r"\w+")


def embed(text: str) -> list[float]:
    """Hashed words and character trigrams as a unit vector of DIMENSIONS floats (Weinberger et al. 2009).

    An empty text gives a fixed unit vector, so that a distance is always defined.
    """
    vector = [0.0] * DIMENSIONS
    for feature in _features(text):
        index, sign = _place(feature)
        vector[index] += sign
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0:
        return [1.0] + [0.0] * (DIMENSIONS - 1)
    return [value / length for value in vector]


@lru_cache(maxsize=16_384)  # a language has few trigrams, and a task type few words
def _place(feature: str) -> tuple[int, float]:
    """The dimension that a feature counts in, and its sign."""
    digest = hashlib.blake2b(feature.encode("utf-8", "replace"), digest_size=5).digest()
    return int.from_bytes(digest[:4]) % DIMENSIONS, 1.0 if digest[4] & 1 else -1.0


def novelty_of_distance(cosine_distance: float) -> float:
    """Cosine distance 0..2 to the nearest past task, as novelty 0..1. What is not a number is new."""
    if not math.isfinite(cosine_distance):
        return 1.0
    return min(1.0, max(0.0, cosine_distance))


def _features(text: str) -> list[str]:
    words = _WORD.findall(text.casefold())
    trigrams = [f"#{word}#"[start : start + 3] for word in words for start in range(len(word))]
    return [f"w:{word}" for word in words] + trigrams
