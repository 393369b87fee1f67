"""What the pages have in common: topics that several of them give a heading to, names they compare, questions.

Topics: headings that furnish a page, number an item or carry a product's name are set aside. The others are taken page
by page; a heading joins the topic it is most like (likeness of their stems without the keyword's, or the same concept
of the lexicon), else it opens one. A topic's support is the number of pages in it, its label the heading most like all
the others, its place the mean relative position of its headings in their pages.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from domains.seo.lexicon import CHROME
from domains.seo.pages import PageText, page_sentences
from domains.seo.text import addresses_machines, concepts, likeness, tokens, topic, words

ALIKE: Final = 0.45
"""Mean likeness from which a heading belongs to a topic."""
DROWNED: Final = 0.3
"""Share of all headings from which a concept that the keyword itself names tells topics apart no longer."""
SAME_QUESTION: Final = 0.66
LONGEST_LABEL: Final = 90
MOST_QUESTIONS: Final = 14

_NUMBERED: Final = re.compile(r"^\s*(?:#?\d{1,2}\s*[.):]|\d{1,2}\s*(?:[–-]|to|and)\s*\d{1,2}\b[.:]?)\s*")
_STEP: Final = re.compile(r"^\s*(?:step|formula|method|part|tip|fee|sign|mistake)\s+\d{1,2}\s*[:.–-]\s*", re.I)
_ITEM: Final = re.compile(r"^[A-Z][\w-]+(?: [A-Z][\w-]+)?(?::| \(|, for )\s*\S")
FIRST_PERSON: Final = re.compile(r"\b(?:i|me|my|we|our|ours|us|i've|i'd)\b", re.I)
GENERAL: Final = re.compile(
    r"^(?:how (?:to|much|many|do|does|is|are|long|often)|what (?:is|are|does|do|should)|when (?:should|does|do|is|to)|"
    r"why (?:do|does|is|are)|which|who (?:should|needs)|where (?:to|do)|do|does|is|are|can|should)\b", re.I,
)  # fmt: skip
"""A question that anyone could have asked."""
_PARTICULAR: Final = re.compile(r"[$€£]|\b\d|\b(?:took|bought|paid|chose|tested|learned|won|went)\b", re.I)
"""Figures and past events in a heading belong to the page that has it."""
_CAPITALISED: Final = re.compile(r"(?<=[a-z,;]\s)[A-Z][a-z]{2,}[\w-]*")
_CALENDAR: Final = frozenset(
    [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ]
)
_OF_A_SELLER: Final = re.compile(
    r"\b(?:you (?:ship|offer|charge|deliver|accept|work)|do i get|your (?:product|desks?))\b", re.I
)
_NEEDS_CONTEXT: Final = re.compile(
    _OF_A_SELLER.pattern
    + r"|\b(?:it|they|them|this|these|those|instead|all (?:two|three|four)|one)\b|^(?:but|and|so)\b",
    re.I,
)
"""Words that point at a page's own offer, or at something said before."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading in its page. `place` is 0 for the first of the page and 1 for the last."""

    text: str
    level: int
    place: float
    page: PageText


def names_an_item(heading: str) -> bool:
    """Whether a heading is about one of several things compared: "3. Hobnail", "Hobnail: best price"."""
    return bool(_NUMBERED.match(heading) or _ITEM.match(heading))


@dataclass(frozen=True, slots=True)
class Topic:
    """Something several pages give a heading to. `concept` is the lexicon's word for it, "" when it has none."""

    label: str
    concept: str
    support: int
    place: float
    headings: tuple[Heading, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and where it stands: the address of a page, or "" for the result page itself."""

    text: str
    url: str


def headings_of(pages: Iterable[PageText]) -> list[Heading]:
    """Headings below each page's own title, cleaned of numbering, without furniture."""
    return [heading for page in pages for heading in _headings(page)]


@lru_cache(maxsize=256)
def _headings(page: PageText) -> tuple[Heading, ...]:
    below = [(level, text) for number, (level, text) in enumerate(page.headings) if level > 1 or number > 0]
    last = max(len(below) - 1, 1)
    return tuple(
        Heading(" ".join(_STEP.sub("", text).split()), level, number / last, page)
        for number, (level, text) in enumerate(below)
        if text.strip() and text.strip().lower() not in CHROME and not addresses_machines(text)
    )


def names_in(pages: Sequence[PageText], keyword: str) -> Counter[str]:
    """Proper names in headings, other than the keyword's -> number of pages whose headings have them.

    A proper name is a capitalised word that stands inside a sentence somewhere and is nowhere written in lower case.
    """
    texts = [sentence.text for page in pages for sentence in page_sentences(page)]
    inside = {name for text in texts for name in _CAPITALISED.findall(text)}
    lower = {word for text in texts for word in re.findall(r"\b[a-z][\w-]+", text)}
    names = {name for name in inside if name.lower() not in lower | _CALENDAR | set(words(keyword))}
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for heading in headings_of(pages):
        for word in re.findall(r"[A-Z][\w-]+", heading.text):
            if word in names:
                seen[word].add(heading.page.url)
    return Counter({name: len(urls) for name, urls in seen.items()})


def topics(pages: Sequence[PageText], keyword: str) -> list[Topic]:
    """Topics in the order of their places; see the module's text for the rule."""
    names = frozenset(name.lower() for name in names_in(pages, keyword))
    candidates = [
        heading
        for heading in headings_of(pages)
        if not _NUMBERED.match(heading.text) and names.isdisjoint(words(heading.text)) and topic(heading.text, keyword)
    ]
    drowned = _drowned(candidates, keyword)
    groups: list[tuple[str, list[Heading]]] = []
    for heading in candidates:
        _group_for(heading, _concept(heading.text, drowned), groups, keyword, drowned).append(heading)
    found = [_topic(concept, group, keyword) for concept, group in groups]
    return sorted(
        (each for each in found if not _PARTICULAR.search(each.label)), key=lambda each: (each.place, each.label)
    )


def _drowned(headings: Sequence[Heading], keyword: str) -> frozenset[str]:
    firsts = Counter(_concept(heading.text, frozenset()) for heading in headings)
    return frozenset(name for name in concepts(keyword) if firsts[name] > DROWNED * len(headings))


def _group_for(
    heading: Heading, concept: str, groups: list[tuple[str, list[Heading]]], keyword: str, drowned: frozenset[str]
) -> list[Heading]:
    """The headings of the topic that `heading` belongs to; a new, empty one when there is none."""
    best: list[Heading] | None = None
    nearest = 0.0
    for other, group in groups:
        if other == concept:
            alike = 1.0 if concept else _mean_likeness(heading, group, keyword, drowned)
            if alike >= ALIKE and alike > nearest:
                best, nearest = group, alike
    if best is None:
        best = []
        groups.append((concept, best))
    return best


def _mean_likeness(
    heading: Heading, others: Sequence[Heading], keyword: str, drowned: frozenset[str] = frozenset()
) -> float:
    without = {f"<{name}>" for name in drowned}
    about = topic(heading.text, keyword) - without
    return sum(likeness(about, topic(other.text, keyword) - without) for other in others) / max(len(others), 1)


def _concept(text: str, drowned: frozenset[str]) -> str:
    return next((name for name in concepts(text) if name not in drowned), "")


def _topic(concept: str, group: list[Heading], keyword: str) -> Topic:
    label = max(group, key=lambda heading: _centrality(heading, group, keyword)).text
    support = len({heading.page.url for heading in group})
    place = sum(heading.place for heading in group) / len(group)
    return Topic(label, concept, support, place, tuple(group))


def _centrality(heading: Heading, group: Sequence[Heading], keyword: str) -> float:
    """Mean likeness to the others, and a preference for headings that anyone could have written."""
    others = [other for other in group if other is not heading]
    alike = _mean_likeness(heading, others, keyword)
    theirs = frozenset(token for other in others for token in tokens(other.text)) | tokens(keyword)
    alone = -0.25 * len(tokens(heading.text) - theirs) if others else 0.0
    asks = 0.3 * bool(GENERAL.match(heading.text)) + 0.3 * heading.text.endswith("?")
    top = 0.2 * (heading.level <= 2)
    personal = -0.8 * sum(bool(each.search(heading.text)) for each in (FIRST_PERSON, _PARTICULAR, _OF_A_SELLER))
    too_long = -0.5 * (len(heading.text) > LONGEST_LABEL or len(heading.text.split()) > 11)
    bare = -0.3 * (len(heading.text.split()) < 2)
    return alike + alone + asks + top + personal + too_long + bare


def questions(asked: Sequence[str], pages: Sequence[PageText], keyword: str) -> list[Question]:
    """Questions of the result page, then question headings of the pages, each question once."""
    names = frozenset(name.lower() for name in names_in(pages, keyword))
    candidates = [Question(" ".join(text.split()), "") for text in asked if not addresses_machines(text)]
    for heading in headings_of(pages):
        if heading.text.endswith("?") and _of_any_reader(heading.text, names):
            candidates.append(Question(heading.text, heading.page.url))
    kept: list[Question] = []
    for candidate in candidates:
        if not any(same_question(candidate.text, other.text, keyword) for other in kept):
            kept.append(candidate)
    return kept[:MOST_QUESTIONS]


def _of_any_reader(text: str, names: frozenset[str]) -> bool:
    """Whether a question makes sense away from the page that asks it."""
    reader_asks = re.match(r"^(?:do|should|can|what|how|when) .*\bi\b", text, re.I)
    personal = FIRST_PERSON.search(text) and not reader_asks
    apart = names.isdisjoint(words(text)) and not _NUMBERED.match(text) and ":" not in text
    return bool(apart and not personal and not _NEEDS_CONTEXT.search(text) and len(tokens(text)) >= 2)


def same_question(one: str, other: str, keyword: str) -> bool:
    """Whether two questions ask the same: their question words, and their content words without the keyword's."""
    about, theirs = tokens(one) - tokens(keyword), tokens(other) - tokens(keyword)
    if not about or not theirs:
        about, theirs = tokens(one), tokens(other)
    if _asks_for(one) != _asks_for(other):
        return False
    return likeness(about, theirs) >= SAME_QUESTION or (
        (about <= theirs or theirs <= about) and len(about ^ theirs) <= 2
    )


def _asks_for(question: str) -> str:
    start = re.sub(r"^what (?:do|does) .*\bcost\b", "how much", question.lower()).split()[:2]
    return " ".join(start) if start[:1] == ["how"] else start[0] if start and start[0] in {"when", "why", "who"} else ""
