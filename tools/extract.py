"""What a page says: its main text, headings and title. Pure, and slow: call it in a thread."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from core.canonical import storable_text
from core.errors import AutonomyError

MAX_HTML: Final = 1_000_000
"""Characters of HTML looked at; a page's main text comes long before."""
MAX_TEXT: Final = 200_000
_MAX_HEADINGS, _MAX_HEADING, _MAX_TITLE = 200, 300, 300
_UNWANTED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Control characters, and those that hide or reorder text: direction overrides, tags."""
_XML_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]*>")
_UNSEEN: Final = ("script", "style", "noscript", "template", "svg", "iframe", "head")
_BOILERPLATE: Final = ("nav", "footer", "aside", "template", "noscript", "script", "style")
_BREAK: Final = "\u2029"
_BREAKS: Final = (
    "p", "br", "li", "ul", "ol", "dt", "dd", "td", "th", "tr", "div", "section", "article", "main", "header", "pre",
    "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "lb", "head", "item", "list", "cell", "row", "quote",
)  # fmt: skip
"""Block elements of HTML, and of trafilatura's tree."""
_HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")


class NothingToRead(AutonomyError):
    """The page has no text, or is not HTML that a parser can make sense of."""


class Heading(NamedTuple):
    level: int
    text: str


class Extract(NamedTuple):
    """`text`: paragraphs and lists separated by blank lines, headings as "## " lines. `words` counts by spaces."""

    title: str
    text: str
    headings: tuple[Heading, ...]

    @property
    def words(self) -> int:
        return len(self.text.split())


def extract(html: str) -> Extract:
    """The extract of an HTML page; its visible text when no main text is found. Raises NothingToRead."""
    from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types
    from lxml import html as parser

    page = _XML_DECLARATION.sub("", _clean(html[:MAX_HTML]))
    if not page.strip():
        raise NothingToRead("no text on the page")
    try:
        root = _mark_breaks(parser.document_fromstring(page))
        headings, title = _headings(root), _title(root)
        text = _main_text(page) or _visible_text(root)
    except (etree.LxmlError, ValueError, RecursionError) as error:
        raise NothingToRead(f"cannot be parsed ({type(error).__name__})") from None
    if not text:
        raise NothingToRead("no text on the page")
    return Extract(title or (headings[0].text if headings else ""), text[:MAX_TEXT], headings)


def extract_plain(text: str) -> Extract:
    """A text/plain page as it is. Raises NothingToRead when it is empty."""
    cleaned = _clean(text[:MAX_TEXT]).replace("\r\n", "\n").strip()
    if not cleaned:
        raise NothingToRead("no text on the page")
    return Extract("", cleaned, ())


def _clean(text: str) -> str:
    return _UNWANTED.sub("", storable_text(text.replace("\r\n", "\n").replace("\r", "\n")))


def _main_text(page: str) -> str:
    from trafilatura import bare_extraction

    document: Any = bare_extraction(page, include_comments=False, include_tables=True, include_formatting=False)
    if document is None or document.body is None:
        return ""
    return "\n\n".join(_blocks(_mark_breaks(document.body)))


def _blocks(body: Any) -> Iterator[str]:
    """The blocks of trafilatura's tree (its own small vocabulary: head, list, item, table, row, cell, p …)."""
    for element in body:
        if element.tag == "head":
            block = f"## {_inline(element)}" if _inline(element) else ""
        elif element.tag == "list":
            block = _lines(f"- {_inline(item)}" for item in element.iterchildren("item") if _inline(item))
        elif element.tag == "table":
            block = _lines(" | ".join(_inline(cell) for cell in row.iter("cell")) for row in element.iter("row"))
        else:
            block = _inline(element)
        if block:
            yield block


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(line for line in lines if line.strip())


def _inline(element: Any) -> str:
    """An element's text on one line."""
    return " ".join("".join(element.itertext()).split())


def _mark_breaks(root: Any) -> Any:
    """`root` with a break put into its text wherever a reader sees one: without it "<br>" would join two words."""
    for element in root.iter(*_BREAKS):
        element.text = _BREAK + (element.text or "")
        element.tail = _BREAK + (element.tail or "")
    return root


def _visible_text(root: Any) -> str:
    """What is left of the page when everything unseen is taken out of `root`."""
    from lxml import etree

    etree.strip_elements(root, etree.Comment, etree.ProcessingInstruction, *_UNSEEN, with_tail=False)
    paragraphs = (" ".join(piece.split()) for piece in "".join(root.itertext()).split(_BREAK))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _inside(element: Any, tags: tuple[str, ...]) -> bool:
    return any(ancestor.tag in tags for ancestor in element.iterancestors())


def _headings(root: Any) -> tuple[Heading, ...]:
    """h1 to h6 outside navigation, footers and sidebars, in order."""
    found: list[Heading] = []
    for element in root.iter(*_HEADINGS):
        text = _inline(element)[:_MAX_HEADING]
        if text and not _inside(element, _BOILERPLATE):
            found.append(Heading(int(element.tag[1]), text))
    return tuple(found[:_MAX_HEADINGS])


def _title(root: Any) -> str:
    return " ".join((root.findtext(".//title") or "").split())[:_MAX_TITLE]
