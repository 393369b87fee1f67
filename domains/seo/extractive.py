"""offline-extractive: proposes actions without a language model, from counts and quotes.

It collects and cites; it does not write, and it has no opinion. For each action it has a short list of candidates; the
first that nobody has refused is proposed, and when none is left it asks a person. Which action, which tool argument and
which format is decided by counts over the results and by what people said, never by a sentence in a page: page text
ends up in quotes only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from domains.seo.angle import Standing, standings
from domains.seo.answers import named_format, own_angle, refused, words_of
from domains.seo.confidence import self_report
from domains.seo.formats import FORMAT_NAMES, INTENTS, Format, Intent, distribution_in_words
from domains.seo.materials import Json, Materials
from domains.seo.outline import suggest
from domains.seo.repairs import repairs
from domains.seo.research import mixedness
from domains.seo.research_pack import section_pack
from domains.seo.text import plural

__all__ = ("propose", "self_report")

OUTLINE_VARIANTS: Final = 3
WORTH_QUOTING: Final = 0.3
"""Share of a position's words from which a page's sentence is shown as coming close to it."""

READERS: Final[Mapping[Intent, str]] = {
    "informational": "Someone who wants to understand “{keyword}” or do it themselves, and is not buying yet",
    "commercial": "Someone who is about to choose and compares what there is for “{keyword}”",
    "transactional": "Someone who is ready to act and looks for the place to do it: “{keyword}”",
    "navigational": "Someone who looks for one particular site: “{keyword}”",
}

Candidates = Callable[[Materials, Sequence[Json]], Iterator[dict[str, Any]]]


def propose(materials: Sequence[Json], feedback: Sequence[Json], offered: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The action and the arguments that the model would write (without bound ones). `offered` must not be empty."""
    shown = Materials.read(materials)
    for action in offered:
        if action in CANDIDATES:
            for arguments in _not_refused(CANDIDATES[action](shown, feedback), refused(feedback, action)):
                return action, arguments
    if "ask_human" in offered:
        stuck = next((action for action in offered if action != "ask_human" and refused(feedback, action)), offered[0])
        return "ask_human", _question(stuck, shown, feedback)
    first = offered[0]
    return first, next(iter(CANDIDATES[first](shown, feedback)), {}) if first in CANDIDATES else {}


def _not_refused(candidates: Iterator[dict[str, Any]], refusals: Sequence[Json]) -> Iterator[dict[str, Any]]:
    """Candidates that were not refused. A refusal that does not say of what counts against the next in line."""
    unnamed = sum(not item.get("arguments") for item in refusals)
    named = [item["arguments"] for item in refusals if item.get("arguments")]
    for arguments in candidates:
        if any(all(old.get(key) == value for key, value in arguments.items()) for old in named) and arguments:
            continue
        if unnamed > 0 and arguments:
            unnamed -= 1
            continue
        yield arguments


def _nothing_to_say(_shown: Materials, _feedback: Sequence[Json]) -> Iterator[dict[str, Any]]:
    yield {}


def _fetch(_shown: Materials, _feedback: Sequence[Json]) -> Iterator[dict[str, Any]]:
    yield {"at_most": 10}


def _intents(shown: Materials, feedback: Sequence[Json]) -> Iterator[dict[str, Any]]:
    """The format a person named, then the formats of the results by frequency. The intent stays what was counted."""
    research = shown.research
    top = max(INTENTS, key=lambda intent: research.distribution[intent])
    named = named_format(feedback)
    formats = [*([named] if named else []), *(name for name, _ in research.formats if name != named)]
    for format_ in formats:
        yield {
            "distribution": dict(research.distribution),
            "format": format_,
            "reader": READERS[top].format(keyword=shown.keyword)[:500],
            "because": _because(shown, format_, by_person=format_ == named)[:2000],
        }


def _because(shown: Materials, format_: Format, by_person: bool) -> str:
    research = shown.research
    count = dict(research.formats).get(format_, 0)
    choice = (
        f"A person named this format; {count} of {len(research.readings)} results have it."
        if by_person
        else f"{count} of {len(research.readings)} results are {FORMAT_NAMES[format_][1]}."
    )
    shares = distribution_in_words(research.distribution)
    return f"{mixedness(research)} {choice} The intents of these formats and of the titles' wording: {shares}."


def _angles(shown: Materials, feedback: Sequence[Json]) -> Iterator[dict[str, Any]]:
    """A point of view that a person gave, then the company's positions, those the results cover least first."""
    reader = str(shown.profile.get("icp", {}).get("who") or shown.intent.get("reader") or "The searcher")[:500]
    if said := own_angle(feedback):
        yield {"angle": said, "differs_because": "A person gave this angle.", "position_id": "", "reader": reader}
    for standing in standings(shown.profile, shown.pages, shown.keyword):
        yield {
            "angle": str(standing.position["claim"])[:600],
            "differs_because": differs(standing, len(shown.pages))[:2000],
            "position_id": str(standing.position["id"]),
            "reader": reader,
        }


def differs(standing: Standing, pages: int) -> str:
    """How far the pages are from a position, with the closest sentence quoted."""
    if standing.closest is None:
        return f"No sentence of the {plural(pages, 'page')} read shares a content word with this position."
    share, closest = round(100 * standing.coverage), standing.closest
    quoted = (
        f": “{closest.text}” [{closest.page.position}]({closest.page.url})"
        if standing.coverage >= WORTH_QUOTING
        else ""
    )
    return (
        f"In the {plural(pages, 'page')} read, no sentence has more than {share} % of this position's content words"
        f"{quoted}. This compares words, not meaning."
    )


def _outlines(shown: Materials, _feedback: Sequence[Json]) -> Iterator[dict[str, Any]]:
    for variant in range(OUTLINE_VARIANTS):
        yield suggest(shown.research, shown.intent["format"], str(shown.angle["angle"]), variant)


def _sections(shown: Materials, _feedback: Sequence[Json]) -> Iterator[dict[str, Any]]:
    index = int(shown.next_section["index"])
    yield section_pack(index, shown.outline, shown.angle, shown.profile, shown.pages, shown.keyword)


def _revisions(shown: Materials, _feedback: Sequence[Json]) -> Iterator[dict[str, Any]]:
    if changes := repairs(shown):
        yield {
            "changes": changes,
            "note": "Added what the check found missing and the profile has; took out citations of unknown addresses.",
        }


def _drafts(shown: Materials, _feedback: Sequence[Json]) -> Iterator[dict[str, Any]]:
    count = len(shown.outline["sections"])
    description = (
        f"Research pack on “{shown.keyword}” in {plural(count, 'section')}: what the results say, quoted and cited. "
        f"Angle: {shown.angle.get('angle', '')}"
    )
    yield {"title": str(shown.outline["title"])[:200], "description": _cut(description, 300)}


def _publication(shown: Materials, _feedback: Sequence[Json]) -> Iterator[dict[str, Any]]:
    yield {"title": str(shown.outline["title"])[:200]}


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rsplit(" ", 1)[0] + "…"


def _question(action: str, shown: Materials, feedback: Sequence[Json]) -> dict[str, Any]:
    """Arguments of ask_human when every candidate for `action` was refused or there is none."""
    refusals = refused(feedback, action)
    last = words_of(refusals[-1]) if refusals else ""
    text, options = QUESTIONS.get(action, ("What should be done next?", ()))
    tried = f"{plural(len(refusals), 'proposal')} refused" if refusals else "there is nothing to propose"
    tried = tried[:1].upper() + tried[1:]
    why = f"{tried}, and the offline method has no alternative left. It understands only the answers it asks for."
    heard = f" The last reason given: “{last}”." if last else ""
    return {
        "question": f"{text} (“{shown.keyword}”)"[:1000],
        "why": (why + heard)[:1000],
        "options": [option for option in options if option][:5],
    }


QUESTIONS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "set_intent": (
        "Which format should the page have? Answer with one of: list, guide, definition, comparison, product, "
        "category, template, tool, landing",
        ("list", "guide", "definition", "comparison", "product"),
    ),
    "set_angle": ("What should the article stand for? Answer with the point of view in one sentence", ()),
    "set_outline": ("How should the outline look? Edit one of the proposals, or take over and hand back", ()),
    "save_draft": ("What should become of the draft? Edit it, or take over and hand back", ()),
}

CANDIDATES: Final[Mapping[str, Candidates]] = {
    "search_serp": _nothing_to_say,
    "fetch_pages": _fetch,
    "set_intent": _intents,
    "set_angle": _angles,
    "set_outline": _outlines,
    "write_section": _sections,
    "check_article": _nothing_to_say,
    "revise_article": _revisions,
    "save_draft": _drafts,
    "publish_content": _publication,
}
