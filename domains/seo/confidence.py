"""How sure the offline method can honestly be of a proposal. Margins and shares, capped where there is no basis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.actions import SelfReport
from domains.seo.angle import RELATED, standings
from domains.seo.answers import named_format
from domains.seo.formats import FORMAT_NAMES
from domains.seo.materials import Json, Materials
from domains.seo.research import majority, mixedness
from domains.seo.text import plural

ANGLE_CAP: Final = 0.3
"""A point of view is chosen by comparing words; whether it is any good is not judged."""
UNRELATED_CAP: Final = 0.05
DRAFT_CAP: Final = 0.3
"""A research pack is not finished copy."""
SECTION_CAP: Final = 0.6
PER_QUOTE: Final = 0.1
NOTHING_TO_DECIDE: Final = 0.9
"""Reading tools: there is one thing to do and no argument to choose."""
PERSON_SAID: Final = 0.8
ENGLISH: Final = "en"


def self_report(
    materials: Sequence[Json], feedback: Sequence[Json], action: str, arguments: Mapping[str, Any]
) -> SelfReport:
    """What the offline method says of its own proposal."""
    shown = Materials.read(materials)
    match action:
        case "set_intent":
            return _of_intent(shown, feedback, arguments)
        case "set_angle":
            return _of_angle(shown, arguments)
        case "set_outline":
            return _of_outline(shown, arguments)
        case "write_section":
            return _of_section(arguments)
        case "save_draft" | "publish_content":
            return _of_draft(shown, action)
        case "revise_article":
            note = "Only what is missing was added; nothing was rewritten."
            return SelfReport(rationale=note, confidence=SECTION_CAP / 2, unresolved_assumptions=(note,))
        case "ask_human":
            return SelfReport(
                rationale="There is no alternative left that was not refused.", confidence=NOTHING_TO_DECIDE
            )
    return SelfReport(rationale="The next step has no alternative.", confidence=NOTHING_TO_DECIDE)


def _of_intent(shown: Materials, feedback: Sequence[Json], arguments: Mapping[str, Any]) -> SelfReport:
    research, format_ = shown.research, arguments["format"]
    counts, total = dict(research.formats), max(len(research.readings), 1)
    others = max((count for name, count in counts.items() if name != format_), default=0)
    shares = sorted(research.distribution.values(), reverse=True)
    margin = min(shares[0] - shares[1], (counts.get(format_, 0) - others) / total)
    by_person = named_format(feedback) == format_
    assumptions = [*_reading_assumptions(shown)]
    if not majority(research) and not by_person:
        assumptions.append(
            f"No format has a majority; that {FORMAT_NAMES[format_][1]} are what searchers want is assumed."
        )
    if counts.get(format_, 0) < others and not by_person:
        assumptions.append("The most frequent format was refused; this is the next one, not a better-founded one.")
    return SelfReport(
        rationale=f"{'A person named the format. ' if by_person else ''}{mixedness(research)} Confidence is the margin "
        "between the first and the second, of intents or of formats, whichever is smaller.",
        confidence=PERSON_SAID if by_person else round(max(0.0, margin), 2),
        unresolved_assumptions=tuple(assumptions),
        evidence=tuple(reading.url for reading in research.readings if reading.format == format_),
    )


def _reading_assumptions(shown: Materials) -> list[str]:
    research = shown.research
    unread = sum(not reading.read for reading in research.readings)
    language = str(shown.serp.get("locale", ENGLISH))[:2]
    said = []
    if unread:
        said.append(f"{plural(unread, 'page')} of {len(research.readings)} could not be read; judged by title alone.")
    if research.unsure:
        said.append(f"{plural(research.unsure, 'result')} showed no known sign of a format; taken for what is usual.")
    if language != ENGLISH:
        said.append(f"The rules know English wording; the results are in {language!r}.")
    return said


def _of_angle(shown: Materials, arguments: Mapping[str, Any]) -> SelfReport:
    found = standings(shown.profile, shown.pages, shown.keyword)
    chosen = next((each for each in found if each.position["id"] == arguments.get("position_id")), None)
    if chosen is None:
        return SelfReport(rationale="A person gave this angle.", confidence=PERSON_SAID)
    assumptions = ["That a position few words of the results resemble is also worth an article is assumed."]
    if chosen.related < RELATED:
        assumptions.append("The position hardly shares a word with the results; that it fits this keyword is a guess.")
    if not shown.pages:
        assumptions.append("No page could be read, so every position looks new.")
    cap = UNRELATED_CAP if chosen.related < RELATED or not shown.pages else ANGLE_CAP
    return SelfReport(
        rationale="A selection, not a judgement: of your positions that have to do with the results, the one whose "
        f"words their sentences cover least ({round(100 * chosen.coverage)} %).",
        confidence=round(min(cap, ANGLE_CAP * (1 - chosen.coverage)), 2),
        unresolved_assumptions=tuple(assumptions),
        evidence=(chosen.closest.page.url,) if chosen.closest else (),
    )


def _of_outline(shown: Materials, arguments: Mapping[str, Any]) -> SelfReport:
    research = shown.research
    common = [topic for topic in research.common_topics if topic.support > 1]
    labels = {heading.text for topic in common for heading in topic.headings}
    founded = sum(
        section["heading"] in labels or "of the pages" in section["purpose"] for section in arguments["sections"]
    )
    support = sum(topic.support for topic in common) / max(len(common) * len(research.pages), 1)
    share = founded / len(arguments["sections"])
    return SelfReport(
        rationale=f"{founded} of {len(arguments['sections'])} sections are topics that several pages share; on average "
        f"{round(100 * support)} % of the pages have such a topic. The order is the usual one of the format.",
        confidence=round(share * support, 2),
        unresolved_assumptions=("That what other pages have in common is what this reader needs is assumed.",),
        evidence=tuple(page.url for page in research.pages),
    )


def _of_section(arguments: Mapping[str, Any]) -> SelfReport:
    quotes = len(arguments["citations"])
    assumptions = ["That the quoted sentences are true is not checked, only that the pages say so."]
    if not quotes:
        assumptions.append("Nothing quotable was found for this section.")
    return SelfReport(
        rationale=f"{plural(quotes, 'sentence')} quoted from the pages; nothing was written.",
        confidence=round(min(SECTION_CAP, PER_QUOTE * quotes), 2),
        unresolved_assumptions=tuple(assumptions),
        evidence=tuple(dict.fromkeys(str(each["url"]) for each in arguments["citations"])),
    )


def _of_draft(shown: Materials, action: str) -> SelfReport:
    measures = [float(shown.check.get(name, 0)) for name in ("intent_match", "own_angle", "relevance")]
    problems = tuple(str(each["says"]) for each in shown.check.get("problems", ()))[:10]
    assumptions = ("This is a research pack: a person has to write the article from it.", *problems)
    cap = DRAFT_CAP if action == "save_draft" else 0.0
    return SelfReport(
        rationale="The lowest measure of the check, capped because nothing here was written for a reader.",
        confidence=round(min(cap, *measures), 2),
        unresolved_assumptions=assumptions,
    )
