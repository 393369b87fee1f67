"""Quotes: which sentences of the pages say something about a topic, most specific first, each verbatim.

A sentence is about a topic when it stands under one of the topic's headings or shares enough of its words. Figures
and specific claims raise it; pitches, questions, and sentences that need the one before them lower it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from domains.seo.headings import names_an_item
from domains.seo.lexicon import SALES_TALK
from domains.seo.pages import Sentence
from domains.seo.text import concepts, covered, likeness, tokens, topic, words

FEWEST_WORDS: Final = 6
MOST_WORDS: Final = 48
PER_PAGE: Final = 2
"""Quotes of one page on one topic."""
LEAST: Final = 0.6
"""Weight from which a sentence is worth quoting at all."""
ABOUT: Final = 0.3
"""Relevance from which a sentence is about a topic."""
SAME: Final = 0.7

FIGURE: Final = re.compile(
    r"[$€£]\s?\d[\d,.]*|\d[\d,.]*\s?(?:%|percent|per cent|x\b)|\b\d[\d,.]*\s(?:\w+\s)?(?:people|companies|customers|"
    r"users|"
    r"teams?|firms|founders|hours?|minutes?|days?|weeks?|months?|years?|contacts|employees|respondents|seats?|sprints?|"
    r"cases|projects|clients|invoices|pages|inches|points|times|tickets)\b",
    re.I,
)
_LEANS_BACK: Final = re.compile(
    r"^(?:this|that|these|those|they|it|its|he|she|his|her|their|both|neither|either|such|but|and|so|or|then|also|"
    r"however|instead|otherwise|nobody else|the (?:first|second|third|former|latter|other|same|rest|figure|result)|"
    r"after that|here (?:is|are)|opinions|several|others)\b",
    re.I,
)  # fmt: skip
_CLAIM: Final = re.compile(
    r"\b(?:than|because|only|never|always|most|median|average|must|fails?|cause[sd]?|measured|found)\b", re.I
)
_PITCH: Final = re.compile(r"\b(?:our|we|us)\b|\byour team will\b|!$", re.I)
_POINTS_ELSEWHERE: Final = re.compile(
    r"\b(?:below|above|table|chart|figure \d|(?:this|the|talk) (?:page|article|guide|list|section|post|calculator|"
    r"form))\b",
    re.I,
)
_NOBODY_NAMED: Final = re.compile(r"^(?:\S+\s+){0,4}(?:it|them|they|one)\b|\b(?:i|my|me)\b", re.I)


@dataclass(frozen=True, slots=True)
class Extract:
    """A quote with where it stands. `weight` orders quotes of one topic and means nothing else."""

    text: str
    url: str
    position: int
    weight: float
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Subject:
    """What quotes are wanted about: words, the concept of a heading, single items or not, and questions one by one."""

    about: frozenset[str]
    concepts: frozenset[str]
    items: bool = False
    questions: tuple[frozenset[str], ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str], keyword: str) -> Subject:
        listed = list(texts)
        about = frozenset(token for text in listed for token in topic(text, keyword) if not token.startswith("<"))
        named = frozenset(name for text in listed[:1] for name in concepts(text)[:1])
        asked = (tokens(text) - tokens(keyword) for text in listed[1:])
        return cls(about, named, "picks" in named, tuple(each for each in asked if each))


def relevance(sentence: Sentence, subject: Subject, keyword: str) -> float:
    """How much a sentence is about a subject, 0..2: its heading's part and its own words' part."""
    return _relevance(sentence.heading, sentence.text, is_page_title(sentence), subject, keyword)


@lru_cache(maxsize=50_000)  # each sentence is asked about for each section, and for all of them again for the next one
def _relevance(under_heading: str, text: str, introduces: bool, subject: Subject, keyword: str) -> float:
    heading = topic(under_heading, keyword)
    names = {f"<{name}>" for name in subject.concepts}
    plain = frozenset(token for token in heading if not token.startswith("<"))
    under = (
        1.0 if names & heading or (subject.items and names_an_item(under_heading)) else likeness(plain, subject.about)
    )
    under = max([under, *(likeness(plain, asked) for asked in subject.questions)])
    if introduces:
        under = 0.0  # An introduction stands under the page's own title, which is about everything.
    own = tokens(text)
    said = 0.5 if any(f"<{name}>" in topic(text) for name in subject.concepts) else 0.0
    return under + max(said, min(1.0, 1.5 * covered(subject.about, own)))


def is_page_title(sentence: Sentence) -> bool:
    """Whether a sentence stands before the first heading below the page's title."""
    first = sentence.page.headings[:1]
    return not sentence.heading or (bool(first) and first[0] == (1, sentence.heading))


def specificity(text: str) -> float:
    """How much of a claim a sentence is: figures, comparisons and quoted people up; pitches and pointers down."""
    figures = len(FIGURE.findall(text))
    weight = 1.2 * math.sqrt(min(figures, 2)) + 0.3 * bool(_CLAIM.search(text)) + 0.2 * ("“" in text or '"' in text)
    weight -= (
        0.9 * bool(_LEANS_BACK.match(text))
        + 0.5 * bool(_PITCH.search(text))
        + 1.2 * bool(_POINTS_ELSEWHERE.search(text))
    )
    return weight - 0.5 * bool(_NOBODY_NAMED.search(text))


@lru_cache(maxsize=50_000)
def quotable(text: str) -> bool:
    """Whether a sentence can stand as a quote at all."""
    count = len(words(text))
    shaped = FEWEST_WORDS <= count <= MOST_WORDS and text[-1:] in '.!”"’)。' and not text.rstrip('”"’)').endswith("?")
    balanced = text.count("“") == text.count("”") and text.count('"') % 2 == 0 and text.count("(") == text.count(")")
    return shaped and balanced and text[0].isalnum() | (text[0] in '“"$€£') and not SALES_TALK.search(text)


def extract_of(sentence: Sentence, about: float) -> Extract | None:
    """The sentence as a quote, when it is about the subject (`about`, see relevance) and worth quoting."""
    weight = about + specificity(sentence.text)
    if about < ABOUT or weight < LEAST:
        return None
    return Extract(sentence.text, sentence.page.url, sentence.page.position, weight, sentence)


def spread(found: Iterable[Extract], most: int, per_page: int = PER_PAGE) -> list[Extract]:
    """The weightiest of `found`, best first: at most `most`, at most `per_page` of a page, no two alike."""
    ranked = sorted(found, key=lambda each: (-each.weight, each.position, each.text))
    kept: list[Extract] = []
    of_page: Counter[str] = Counter()
    for each in ranked:
        repeats = any(likeness(tokens(each.text), tokens(other.text)) >= SAME for other in kept)
        if len(kept) < most and of_page[each.url] < per_page and not repeats:
            kept.append(each)
            of_page[each.url] += 1
    return kept
