"""Markdown from outside as HTML of ours: structure is kept, nothing in it can be clicked, loaded or run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from ui.markup import Html, element, joined

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

_TAGS: Final[Mapping[str, str]] = {
    "paragraph": "p", "strong": "strong", "em": "em", "bullet_list": "ul", "ordered_list": "ol", "list_item": "li",
    "blockquote": "blockquote", "table": "table", "thead": "thead", "tbody": "tbody", "tr": "tr", "th": "th",
    "td": "td",
}  # fmt: skip
_HEADINGS: Final[Mapping[str, str]] = {"h1": "h3", "h2": "h4", "h3": "h5"}


def article(markdown: str) -> Html:
    """The text as its readers will see it, below the headings of the page."""
    from markdown_it import MarkdownIt  # 40 ms, for the pages that show an article
    from markdown_it.tree import SyntaxTreeNode

    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["html_block", "html_inline"])
    return element("article", _inside(SyntaxTreeNode(parser.parse(markdown))))


def _inside(node: SyntaxTreeNode) -> Html:
    return joined(*(_drawn(child) for child in node.children))


def _drawn(node: SyntaxTreeNode) -> Html:
    if (tag := _TAGS.get(node.type)) is not None:
        return element(tag, _inside(node))
    if (draw := _OTHERS.get(node.type)) is not None:
        return draw(node)
    return _inside(node) if node.children else joined(node.content)


def _link(node: SyntaxTreeNode) -> Html:
    """Its words and where they lead, as text."""
    target = str(node.attrs.get("href", ""))
    said = _inside(node)
    address = "" if said == joined(target) else element("span", f" ({target})", css="address")
    return element("span", said, address, css="link")


def _picture(node: SyntaxTreeNode) -> Html:
    return element("span", f"[picture: {node.content}, {node.attrs.get('src', '')}]", css="quiet")


_OTHERS: Final[Mapping[str, Callable[[SyntaxTreeNode], Html]]] = {
    "heading": lambda node: element(_HEADINGS.get(node.tag, "h6"), _inside(node)),
    "text": lambda node: joined(node.content),
    "softbreak": lambda node: joined(" "),
    "hardbreak": lambda node: joined("\n"),
    "hr": lambda node: element("p", "⁂", css="quiet"),
    "code_inline": lambda node: element("code", node.content),
    "fence": lambda node: element("pre", node.content),
    "code_block": lambda node: element("pre", node.content),
    "link": _link,
    "image": _picture,
}
