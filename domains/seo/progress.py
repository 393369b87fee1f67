"""What makes sense next. A pure function of what is there; the order of the lines is the order of the work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.domain import View

MOST_REVISIONS: Final = 2
"""Revisions that the check alone may cause; then a person judges."""

ASK: Final = "ask_human"

OFFLINE: Final = "offline-extractive"
"""Model label of the method that only collects and cites. What it makes is a research pack, which is not published."""


def next_actions(view: View) -> tuple[str, ...]:
    """Tools that make sense now, most useful first; empty when the work is done."""
    content = view.content
    if "serp" not in content:
        return ("search_serp",)
    if "pages" not in content:
        return ("fetch_pages",)
    for decision in ("intent", "angle", "outline"):
        if decision not in content:
            return (f"set_{decision}", ASK)
    if missing_sections(content):
        return ("write_section", ASK)
    if "check" not in content:
        return ("check_article", ASK)
    return _after_check(view)


def _after_check(view: View) -> tuple[str, ...]:
    content = view.content
    drafted = "draft" in content and draft_is_current(view)
    if not drafted:
        revise = ("revise_article",) if may_revise(view) else ()
        return (*revise, "save_draft", ASK)
    if "published" in content or "publish_content" in view.declined or view.task.get("model") == OFFLINE:
        return ()
    return ("publish_content",)


def missing_sections(content: Mapping[str, Any]) -> tuple[int, ...]:
    """Numbers of the outline's sections that are not written."""
    planned = range(len(content.get("outline", {}).get("sections", ())))
    return tuple(index for index in planned if f"section:{index}" not in content)


def revisions(content: Mapping[str, Any]) -> int:
    return int(content.get("revision", {}).get("revision", 0))


def may_revise(view: View) -> bool:
    """Whether the check's problems, or a person's no to the draft, are worth another revision.

    Each time a person sends the draft back one more is granted.
    """
    sent_back = sum(item.get("kind") == "rejected" and item.get("action") == "save_draft" for item in view.feedback)
    wanting = bool(view.content["check"]["problems"]) or sent_back > 0
    return wanting and bool(revisions(view.content) < MOST_REVISIONS + sent_back)


def draft_is_current(view: View) -> bool:
    """Whether the saved draft holds the article: the one that was checked last, or what a person made of it then."""
    article = view.hashes.get("article", view.content["check"]["article_sha256"])
    return bool(view.content["draft"]["article_sha256"] == article)
