"""A page as it was read: its passages under their headings, and the sentences in them, verbatim."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from core.domain import View
from domains.seo.text import addresses_machines, sentences

_HEADING_LINE: Final = re.compile(r"#{1,6}\s+(.+?)\s*#*$")
_BULLET: Final = re.compile(r"^(?:[-*•·]|\d{1,2}[.)])\s+")


@dataclass(frozen=True, slots=True)
class PageText:
    """A readable page. `text` has blank lines between paragraphs and headings as lines that start with '#'."""

    position: int
    url: str
    title: str
    headings: tuple[tuple[int, str], ...]
    text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """One line of a page (a paragraph or list item) and the heading it stands under, "" before the first."""

    heading: str
    line: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence exactly as the page has it."""

    text: str
    heading: str
    page: PageText


def page_from(data: Mapping[str, Any]) -> PageText:
    """A page from its material: {position, url, title, headings, text}."""
    headings = tuple((int(each["level"]), str(each["text"])) for each in data.get("headings", ()))
    return PageText(
        int(data["position"]), str(data["url"]), str(data.get("title", "")), headings, str(data.get("text", ""))
    )


def pages_of(view: View) -> tuple[PageText, ...]:
    """The pages that could be read, in the order of their results."""
    read = [
        page_from({**page, "text": view.texts[page["text_sha256"]]})
        for page in view.content.get("pages", {}).get("pages", ())
        if page["ok"] and page["text_sha256"] in view.texts
    ]
    return tuple(sorted(read, key=lambda page: page.position))


@lru_cache(maxsize=256)
def passages(page: PageText) -> tuple[Passage, ...]:
    """The page's lines without headings, tables, and lines that speak to machines instead of readers."""
    return tuple(_passages(page))


def _passages(page: PageText) -> Iterator[Passage]:
    known = {text.strip() for _, text in page.headings}
    heading = ""
    for raw in page.text.splitlines():
        line = raw.strip()
        marked = _HEADING_LINE.match(line)
        if marked or line in known:
            heading = marked[1] if marked else line
        elif line and "|" not in line and not addresses_machines(line):
            yield Passage(heading, _BULLET.sub("", line))


@lru_cache(maxsize=256)
def page_sentences(page: PageText) -> tuple[Sentence, ...]:
    """All sentences of the page; each is a substring of its text."""
    return tuple(
        Sentence(sentence, passage.heading, page)
        for passage in passages(page)
        for sentence in sentences(passage.line)
        if sentence in page.text
    )
