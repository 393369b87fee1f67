"""Everything the result page and its pages show, in one frozen value. No opinion beyond the stated rules."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from core.canonical import canonical_json
from core.domain import View
from domains.seo.formats import (
    FORMAT_NAMES,
    Format,
    Intent,
    count_formats,
    format_of,
    intent_of,
    mean_distribution,
)
from domains.seo.headings import Question, Topic, names_in, questions, topics
from domains.seo.pages import PageText, pages_of
from domains.seo.text import joined

SHARED: Final = 2
"""Pages that must have a topic before it counts as common."""
_FEW_TOPICS: Final = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """One result and what it is taken for. `sure` is False when no cue matched and the format is a fallback."""

    position: int
    url: str
    title: str
    snippet: str
    format: Format
    sure: bool
    read: bool


@dataclass(frozen=True, slots=True)
class Research:
    """`topics` are in page order; `names` are the things that headings of several pages name, most frequent first."""

    keyword: str
    readings: tuple[Reading, ...]
    formats: tuple[tuple[Format, int], ...]
    distribution: Mapping[Intent, float]
    topics: tuple[Topic, ...]
    names: tuple[tuple[str, int], ...]
    questions: tuple[Question, ...]
    pages: tuple[PageText, ...]

    @property
    def common_topics(self) -> tuple[Topic, ...]:
        """Topics of several pages; all topics when hardly any is shared."""
        shared = tuple(topic for topic in self.topics if topic.support >= SHARED)
        return shared if len(shared) >= _FEW_TOPICS else self.topics

    @property
    def unsure(self) -> int:
        """Results whose format is a fallback."""
        return sum(not reading.sure for reading in self.readings)


def analyse(serp: Mapping[str, Any], pages: Sequence[PageText]) -> Research:
    """What `serp` (the result of search_serp) and the readable `pages` behind it show."""
    return _analysed(canonical_json(serp), tuple(pages))


@lru_cache(maxsize=16)  # 20 ms, and each step of a thread asks for the same
def _analysed(page_of_results: str, pages: tuple[PageText, ...]) -> Research:
    serp = json.loads(page_of_results)
    keyword = str(serp.get("keyword", ""))
    by_position = {page.position: page for page in pages}
    readings = tuple(_reading(result, by_position.get(int(result["position"]))) for result in serp.get("results", ()))
    shares = [intent_of(reading.format, f"{reading.title} {reading.snippet}") for reading in readings]
    return Research(
        keyword=keyword,
        readings=readings,
        formats=tuple(count_formats(reading.format for reading in readings)),
        distribution=mean_distribution(shares),
        topics=tuple(topics(pages, keyword)),
        names=tuple((name, count) for name, count in names_in(pages, keyword).most_common() if count >= SHARED),
        questions=tuple(questions([str(text) for text in serp.get("questions", ())], pages, keyword)),
        pages=pages,
    )


def research_of(view: View) -> Research:
    """The research behind a view; empty when nothing was searched yet."""
    return analyse(view.content.get("serp", {}), pages_of(view))


def _reading(result: Mapping[str, Any], page: PageText | None) -> Reading:
    title, url = str(result["title"]), str(result["url"])
    headings = [text for _, text in page.headings] if page else []
    guess = format_of(title, url, headings)
    position, snippet = int(result["position"]), str(result.get("snippet", ""))
    return Reading(position, url, title, snippet, guess.format, guess.cues > 0, page is not None)


def formats_in_words(formats: Sequence[tuple[Format, int]]) -> str:
    """ "5 lists, 3 guides, 2 product pages"."""
    return ", ".join(f"{count} {FORMAT_NAMES[name][count != 1]}" for name, count in formats)


def mixedness(research: Research) -> str:
    """One sentence on how much the results agree on a format."""
    if not research.formats:
        return "There are no results to read a format from."
    (name, count), total = research.formats[0], len(research.readings)
    counts = formats_in_words(research.formats)
    if len(research.formats) == 1:
        return f"The results agree: all {total} are {FORMAT_NAMES[name][1]}."
    if 2 * count > total:
        return f"Most results agree: {counts}; {count} of {total} are {FORMAT_NAMES[name][1]}."
    return f"The results are mixed: {counts}; no format has a majority."


def majority(research: Research) -> bool:
    """Whether one format has more than half of the results."""
    return bool(research.formats) and 2 * research.formats[0][1] > len(research.readings)


def display(keyword: str, titles: Sequence[str]) -> str:
    """The keyword with the capitals that titles give its abbreviations, and a capital first: "CRM for startups"."""
    written = " ".join(titles)
    parts = [_as_written(word, written) for word in keyword.split()]
    phrase = " ".join(parts)
    return phrase[:1].upper() + phrase[1:]


def _as_written(word: str, written: str) -> str:
    capitals = word.upper()
    return capitals if len(word) > 1 and len(re.findall(rf"\b{re.escape(capitals)}s?\b", written)) >= SHARED else word


def site_of(url: str) -> str:
    """The host of an address, without "www."."""
    try:
        return (urlsplit(url).hostname or url).removeprefix("www.")
    except ValueError:
        return url


def names_in_words(research: Research, most: int = 8) -> str:
    """ "Pipelark (5 pages), Dealmoss (5 pages)", or ""."""
    return joined(f"{name} ({count} pages)" for name, count in research.names[:most])
