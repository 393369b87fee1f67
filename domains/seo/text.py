"""Words, sentences and their likeness: the plain string work under research and measures. English-minded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from domains.seo.lexicon import CONCEPTS, STOP_WORDS, SUFFIXES, TO_MACHINES

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?…])[\"”’')\]]*\s+(?=[\"“‘'(\[]?[A-Z0-9$€£])|(?<=[。！？])")
_ABBREVIATION: Final = re.compile(r"(?:\b(?:e\.g|i\.e|vs|approx|mr|mrs|ms|dr|inc|ltd|co|st|u\.s|etc)|\b[A-Z])\.$", re.I)
_TO_MACHINES: Final = re.compile("|".join(TO_MACHINES), re.I)


def words(text: str) -> list[str]:
    """Lower-case words, apostrophes straightened."""
    return [word.replace("’", "'").lower() for word in _WORD.findall(text)]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A light stem that makes singular and plural, and most verb forms, agree. Not a linguistic root."""
    word = word.removesuffix("'s")
    for suffix, replacement in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)] + replacement
    return word


@lru_cache(maxsize=50_000)
def tokens(text: str) -> frozenset[str]:
    """Stems of the content words. Numbers are kept, stop words are not."""
    return frozenset(stem(word) for word in words(text) if word not in STOP_WORDS)


@lru_cache(maxsize=50_000)
def topic(text: str, keyword: str = "") -> frozenset[str]:
    """What a heading is about: its stems without the keyword's, with words of one concept made the same."""
    about = tokens(text) - tokens(keyword)
    return about | {f"<{name}>" for name in concepts(text)}


@lru_cache(maxsize=50_000)
def concepts(text: str) -> tuple[str, ...]:
    """The concepts named in a heading, in the lexicon's order; the first is the strongest."""
    return tuple(name for name, pattern in CONCEPTS.items() if pattern.search(text))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Dice coefficient of two sets, 0..1; concepts count three times an ordinary word."""
    total = _weight(one) + _weight(other)
    return 2 * _weight(one & other) / total if total else 0.0


def _weight(about: Iterable[str]) -> float:
    return sum(3.0 if token.startswith("<") else 1.0 for token in about)


def covered(needle: frozenset[str], haystack: frozenset[str]) -> float:
    """Share of `needle` that is in `haystack`, 0..1; 0 for an empty needle."""
    return len(needle & haystack) / len(needle) if needle else 0.0


def sentences(line: str) -> Iterator[str]:
    """The sentences of one line, each verbatim."""
    start = 0
    for end in _SENTENCE_END.finditer(line):
        if not _ABBREVIATION.search(line[start : end.start()].rstrip("\"”’')]")):
            yield from _whole(line[start : end.end()])
            start = end.end()
    yield from _whole(line[start:])


def _whole(piece: str) -> Iterator[str]:
    if piece.strip():
        yield piece.strip()


@lru_cache(maxsize=50_000)
def addresses_machines(text: str) -> bool:
    """Whether a passage speaks to whoever processes it instead of to a reader. Such passages are left out."""
    return bool(_TO_MACHINES.search(text))


def shingles(text: str, size: int = 5) -> set[tuple[str, ...]]:
    """All runs of `size` words."""
    sequence = words(text)
    return {tuple(sequence[start : start + size]) for start in range(len(sequence) - size + 1)}


def squeezed(text: str) -> str:
    """For comparing quotes: white space, quotation marks and dashes made alike, lower case."""
    text = re.sub(r"[\"“”„«»'‘’`*_\\]", "", text.replace("–", "-").replace("—", "-"))
    return " ".join(text.lower().split())


def plain_line(text: str) -> str:
    """Text from outside as one line that cannot become Markdown structure of ours."""
    line = " ".join(text.split())
    return re.sub(r"([\[\]<>`|*_#!\\])", r"\\\1", line)


def joined(items: Iterable[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    listed = list(items)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} {last} {listed[-1]}" if listed else ""


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 page", "2 pages"."""
    return f"{count} {one if count == 1 else many or one + 's'}"
