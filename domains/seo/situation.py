"""A task in words, for comparing it with past ones: what a reader would recognise it by."""

from __future__ import annotations

from typing import Final

from core.domain import View
from domains.seo.formats import distribution_in_words
from domains.seo.research import formats_in_words, research_of

MOST_HEADINGS: Final = 12


def situation(view: View, action: str) -> str:
    """Keyword, formats, intent, and what is being decided. The same inputs always give the same words."""
    research, content = research_of(view), view.content
    lines = [f"keyword: {view.task.get('keyword', '')}", f"decision: {action.replace('_', ' ')}"]
    if research.readings:
        lines.append(f"results: {formats_in_words(research.formats)}")
        lines.append(
            f"intent: {distribution_in_words(content.get('intent', {}).get('distribution', research.distribution))}"
        )
    if "intent" in content:
        lines.append(f"format: {content['intent']['format']}")
    if "angle" in content:
        lines.append(f"angle: {content['angle']['angle']}")
    headings = [str(section["heading"]) for section in content.get("outline", {}).get("sections", ())]
    headings = headings or [topic.label for topic in research.common_topics]
    if headings:
        lines.append("headings: " + "; ".join(headings[:MOST_HEADINGS]))
    return "\n".join(lines)
