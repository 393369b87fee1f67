"""The text that is decided on: as its readers will see it, as it is written, and against the version before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from runtime.arguments import as_yaml
from ui import reading
from ui.diffs import LONGEST, diff
from ui.markup import element, notice, put
from ui.rendering import article

ARTICLE: Final = "article_sha256"
"""The argument by which a proposal names an article that is stored."""
PART: Final = 60_000
"""Characters of a long text that are shown at a time."""
_RENDERED, _WRITTEN, _CHANGED = "Rendered", "As written", "Against the version before"


def show(review: Mapping[str, Any]) -> None:
    """The article of a proposal, if it has one, and what changed since the proposal before."""
    arguments = review["request"]["action_requests"][0]["args"]
    text, previous = _text_of(review, arguments), reading.before(review)
    earlier = previous["request"]["action_requests"][0]["args"] if previous else None
    if text is None:
        if previous and earlier != arguments:
            put(element("h2", f"What changed since r-{previous['number']}", css="over-code"))
            _compared(as_yaml(earlier or {}), as_yaml(arguments))
        return
    before = _text_of(review, earlier) if earlier else None
    _article(text, before, str(review["number"]))


def article_of(tenant: str, arguments: Mapping[str, Any], key: str) -> None:
    """The article behind those arguments, if they have one."""
    text = _text_of({"tenant": tenant}, arguments)
    if text is not None:
        _article(text, None, key)
    elif ARTICLE in arguments:
        notice("The article is no longer kept.", "warning")


def _article(text: str, before: str | None, key: str) -> None:
    """`before`: an earlier version to compare it with."""
    put(element("h2", f"The article ({len(text.split()):,} words)", css="over-code"))
    views = [_RENDERED, _WRITTEN] + ([_CHANGED] if before is not None and before != text else [])
    chosen = st.segmented_control(
        "How the article is shown", views, default=_RENDERED, required=True, label_visibility="collapsed",
        key=f"article-view-{key}",
    )  # fmt: skip
    with st.container(height=480, key=f"article-{key}"):
        if chosen == _CHANGED:
            _compared(before or "", text)
        else:
            _drawn(text, rendered=chosen == _RENDERED, key=f"article-part-{key}")


def named(review: Mapping[str, Any]) -> dict[str, str]:
    """The argument that names the article -> its text; empty for a proposal without one, or with one that is too long
    to be edited on a page."""
    digest = review["request"]["action_requests"][0]["args"].get(ARTICLE)
    text = reading.artifacts(review["tenant"], [digest]).get(digest) if isinstance(digest, str) else None
    return {ARTICLE: text} if text is not None and len(text) <= LONGEST else {}


def rewritten(review: Mapping[str, Any], final: Mapping[str, Any]) -> None:
    """What a person made of the article."""
    was, now = review["request"]["action_requests"][0]["args"].get(ARTICLE), final.get(ARTICLE)
    if was and now and was != now:
        found = reading.artifacts(review["tenant"], [was, now])
        if len(found) == 2:
            put(element("h2", "What was changed in the article", css="over-code"))
            _compared(found[was], found[now])


def _text_of(review: Mapping[str, Any], arguments: Mapping[str, Any] | None) -> str | None:
    arguments = arguments or {}
    if isinstance(arguments.get("markdown"), str):
        return str(arguments["markdown"])
    digest = arguments.get(ARTICLE)
    return reading.artifacts(review["tenant"], [digest]).get(digest) if isinstance(digest, str) else None


def _drawn(text: str, *, rendered: bool, key: str) -> None:
    parts = in_parts(text)
    place = 0
    if len(parts) > 1:
        place = int(st.number_input(f"Part, of {len(parts)}", 1, len(parts), key=key)) - 1
    if rendered:
        put(article(parts[place]))
    else:
        st.code(parts[place], language=None, wrap_lines=True)


def in_parts(text: str) -> list[str]:
    """`text` in pieces of about PART characters that end where a paragraph does, if one ends near enough."""
    parts, start = list[str](), 0
    while len(text) - start > PART:
        end = text.rfind("\n\n", start + PART // 2, start + PART)
        end = start + PART if end < 0 else end + 2
        parts.append(text[start:end])
        start = end
    return [*parts, text[start:]]


def _compared(before: str, after: str) -> None:
    found = diff(before, after)
    if found is None:
        notice("The texts are too long to be compared here.")
        return
    put(
        element("p", f"{found.lines} {'line differs' if found.lines == 1 else 'lines differ'}", css="quiet"), found.html
    )
