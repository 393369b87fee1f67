"""The article as Markdown: put together from its sections, and taken apart into what the measures look at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.canonical import storable_text

_HEADING: Final = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_INLINE_QUOTE: Final = re.compile(r"“([^”]{12,})”|(?<!\w)\"([^\"\n]{12,})\"(?!\w)")


@dataclass(frozen=True, slots=True)
class Quote:
    """Quoted words and the addresses linked beside them, which may be none."""

    text: str
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Article:
    """`own` are the paragraphs outside block quotes, as plain text; `links` all addresses linked, in order."""

    headings: tuple[str, ...]
    own: tuple[str, ...]
    quotes: tuple[Quote, ...]
    links: tuple[str, ...]


def sections_of(content: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    """Section number -> its latest text and citations, for the sections that the outline has."""
    planned = range(len(content.get("outline", {}).get("sections", ())))
    return {index: content[f"section:{index}"] for index in planned if f"section:{index}" in content}


def assemble(outline: Mapping[str, Any], sections: Mapping[int, Mapping[str, Any]]) -> str:
    """The article: title, sections in order under their headings, and the addresses it cites."""
    parts = [f"# {one_line(outline['title'])}"]
    for index, planned in enumerate(outline["sections"]):
        parts.append(f"## {one_line(planned['heading'])}")
        if index in sections:
            parts.append(without_own_heading(str(sections[index]["markdown"]), str(planned["heading"])))
    cited = dict.fromkeys(str(each["url"]) for index in sorted(sections) for each in sections[index]["citations"])
    if cited:
        parts.append("## Sources\n\n" + "\n".join(f"- <{url}>" for url in cited))
    return storable_text("\n\n".join(part.strip() for part in parts) + "\n")


def one_line(text: str) -> str:
    return " ".join(str(text).split())


def without_own_heading(markdown: str, heading: str) -> str:
    """The section without a first line that repeats its heading, and with its other headings below level 2."""
    lines = markdown.strip().splitlines()
    first = _HEADING.match(lines[0]) if lines else None
    if first and first[2].strip().lower() == one_line(heading).lower():
        lines = lines[1:]
    return "\n".join(_lowered(lines)).strip()


def _lowered(lines: Sequence[str]) -> Iterator[str]:
    fenced = False
    for line in lines:
        fenced ^= line.lstrip().startswith("```")
        heading = _HEADING.match(line)
        yield f"### {heading[2]}" if heading and len(heading[1]) < 3 and not fenced else line


def read_article(markdown: str) -> Article:
    """What the measures look at, by the CommonMark rules."""
    from markdown_it import MarkdownIt

    headings: list[str] = []
    own: list[str] = []
    quotes: list[Quote] = []
    links: list[str] = []
    depth = 0
    kind = ""
    for token in MarkdownIt("commonmark").parse(markdown):
        depth += (token.type == "blockquote_open") - (token.type == "blockquote_close")
        kind = token.type if token.type.endswith("_open") else kind
        if token.type == "inline":
            text, urls = _plain(token.children or [])
            links.extend(urls)
            if kind == "heading_open":
                headings.append(text)
            elif depth:
                quotes.append(Quote(text, urls))
            else:
                own.append(text)
                quotes.extend(Quote(one or other, urls) for one, other in _INLINE_QUOTE.findall(text))
    return Article(tuple(headings), tuple(own), tuple(quotes), tuple(links))


def _plain(children: Sequence[Any]) -> tuple[str, tuple[str, ...]]:
    """The text of inline tokens without the labels of numbered citations, and the addresses they link."""
    text, urls, label = "", [], ""
    inside = False
    for child in children:
        if child.type == "link_open":
            urls.append(str(child.attrGet("href") or ""))
            inside, label = True, ""
        elif child.type == "link_close":
            text += "" if label.strip().isdigit() or label in urls else label
            inside = False
        else:
            piece = " " if child.type in {"softbreak", "hardbreak"} else child.content
            label, text = (label + piece, text) if inside else (label, text + piece)
    return " ".join(text.split()), tuple(urls)
