"""HTML in which every text is escaped unless it was built here: what comes from outside can only ever be read."""

from __future__ import annotations

import html
import re
from typing import Final
from urllib.parse import urlencode

import streamlit as st

_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


class Html(str):
    """HTML of our own making. Only this module makes it from other text."""

    __slots__ = ()


def visible(text: str) -> str:
    """`text` with control characters, direction overrides and lone surrogates as U+FFFD; line breaks and tabs stay."""
    return _HIDDEN.sub("\ufffd", text)


def element(tag: str, *inside: str, css: str = "", **attributes: str) -> Html:
    """An element around `inside`; a plain `str` is escaped, `Html` is not. `aria_label` becomes aria-label."""
    given = ({"class": css} if css else {}) | {name.replace("_", "-"): value for name, value in attributes.items()}
    said = "".join(f' {name}="{html.escape(visible(value))}"' for name, value in given.items())
    return Html(f"<{tag}{said}>{joined(*inside)}</{tag}>")


def joined(*parts: str) -> Html:
    """Parts one after the other, each escaped unless it is `Html`."""
    return Html("".join(part if isinstance(part, Html) else html.escape(visible(part)) for part in parts))


def link_to_thread(thread_id: str, label: str, part: str = "") -> Html:
    """For a row of a table. A page's own links are buttons (ui/places.py), of which a hundred would be slow."""
    query = urlencode({"id": thread_id} | ({"part": part} if part else {}))
    return element("a", label, href=f"thread?{query}", target="_self")


def put(*parts: Html) -> None:
    """Put HTML of our own on the page."""
    if whole := joined(*parts):
        st.html(whole)


def section(title: str, *inside: str, css: str = "") -> Html:
    """A titled part of a page."""
    return element("section", element("h2", title), *inside, css=f"part {css}".strip())


def notice(text: str, kind: str = "note") -> None:
    """One line across the page; `error` is announced to screen readers."""
    put(element("p", text, css=f"notice {kind}", role="alert" if kind == "error" else "status"))
