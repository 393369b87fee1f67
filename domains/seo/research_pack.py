"""A section of the offline method: not prose, but what a writer needs for it, quoted and cited.

Each sentence of the pages is given to the one section of the outline that it says most about, so that no quote
appears twice in an article; a section can be worked out alone because this depends on the outline only.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from domains.seo.extracts import PER_PAGE, Extract, Subject, extract_of, quotable, relevance, spread
from domains.seo.headings import names_an_item
from domains.seo.pages import PageText, Sentence, page_sentences
from domains.seo.research import site_of
from domains.seo.text import covered, joined, plain_line, tokens

MOST_QUOTES: Final = 6
MOST_OF_ITEMS: Final = 12
"""Quotes of a section that goes through single items."""
SHARED_WORDS: Final = 2
"""Words that a position must share with a section before it is offered there."""
LABEL: Final = (
    "*Research pack: collected and cited by rule, not written. Write the section from it, then delete what is left.*"
)
_ANGLE: Final = re.compile(r"\bangle\b", re.I)
_MONEY_PER: Final = re.compile(
    r"([$€£]\s?\d[\d,.]*\d|[$€£]\s?\d)(?:\s(?:per|an?|each|a)\s([a-z]+(?:\s(?:per|a)\s[a-z]+)?))", re.I
)


def subject_of(section: Mapping[str, Any], keyword: str) -> Subject:
    """What a section of an outline is about: its heading and questions; the angle's section is about the angle."""
    if _ANGLE.search(str(section["purpose"])):
        return Subject.of(["", str(section["purpose"]).partition(":")[2]], keyword)
    return Subject.of([str(section["heading"]), *map(str, section.get("questions", ()))], keyword)


def best_section(sentence: Sentence, subjects: Sequence[Subject], keyword: str) -> tuple[int, float]:
    """The section a sentence says most about, and how much; the earlier one on a tie."""
    scores = [relevance(sentence, subject, keyword) for subject in subjects]
    best = max(range(len(scores)), key=lambda index: (scores[index], -index))
    return best, scores[best]


def quotes_for(index: int, outline: Mapping[str, Any], pages: Sequence[PageText], keyword: str) -> list[Extract]:
    """The quotes that belong to section `index`, best first."""
    subjects = [subject_of(section, keyword) for section in outline["sections"]]
    found: list[Extract] = []
    for page in pages:
        for sentence in page_sentences(page):
            if quotable(sentence.text):
                best, about = best_section(sentence, subjects, keyword)
                extract = extract_of(sentence, about) if best == index else None
                found += [extract] if extract else []
    items = subjects[index].items
    return spread(found, MOST_OF_ITEMS if items else MOST_QUOTES, MOST_OF_ITEMS // 4 if items else PER_PAGE)


def section_pack(
    index: int, outline: Mapping[str, Any], angle: Mapping[str, Any], profile: Mapping[str, Any],
    pages: Sequence[PageText], keyword: str,
) -> dict[str, Any]:  # fmt: skip
    """Arguments of write_section for section `index` of the outline."""
    section = outline["sections"][index]
    quotes = quotes_for(index, outline, pages, keyword)
    blocks = [LABEL] if index == 0 else []
    blocks.append(f"**Job of this section.** {plain_line(str(section['purpose']))}")
    blocks += _questions(section)
    blocks += _said(quotes, is_angle_section(index, outline))
    blocks += _disagreements(quotes)
    blocks += ours(index, outline, angle, profile)
    citations = [{"claim": quote.text[:1000], "url": quote.url} for quote in quotes]
    return {"index": index, "markdown": "\n\n".join(blocks)[:20_000], "citations": citations}


def _questions(section: Mapping[str, Any]) -> list[str]:
    asked = [f"- {plain_line(str(question))}" for question in section.get("questions", ())]
    return ["**Answer here**\n\n" + "\n".join(asked)] if asked else []


def _said(quotes: Sequence[Extract], about_angle: bool) -> list[str]:
    if not quotes and about_angle:
        return ["**What the pages say.** No page says anything close to it."]
    if not quotes:
        return ["**What the pages say.** Nothing quotable was found for this section; it needs research of its own."]
    return ["**What the pages say**", *(_quoted(quote) for quote in quotes)]


def _quoted(quote: Extract) -> str:
    """A block quote; for one of several items, its heading comes before it."""
    heading = quote.sentence.heading
    of_item = f"*Under* {plain_line(heading)}:\n\n" if names_an_item(heading) else ""
    return f"{of_item}> {plain_line(quote.text)} {_mark(quote)}"


def _mark(quote: Extract) -> str:
    return f"[{quote.position}]({link(quote.url)})"


def link(url: str) -> str:
    """An address from outside as a Markdown link target that cannot break out of its brackets."""
    return re.sub(r"[\s()<>\\]", lambda found: f"%{ord(found[0]):02X}", url)


def _disagreements(quotes: Sequence[Extract]) -> list[str]:
    """Figures of one kind that differ between pages, side by side. Which is right is not decided here."""
    lines = []
    for kind, figures in figures_by_kind(quotes).items():
        if len({quote.url for _, quote in figures}) > 1 and len({figure for figure, _ in figures}) > 1:
            shown = joined(f"{figure} ({site_of(quote.url)} {_mark(quote)})" for figure, quote in figures)
            lines.append(f"- {kind}: {shown}")
    return ["**Where the figures differ** (they may measure different things)\n\n" + "\n".join(lines)] if lines else []


def figures_by_kind(quotes: Sequence[Extract]) -> dict[str, list[tuple[str, Extract]]]:
    """ "$ per seat" -> the figures given for it, each with its quote."""
    kinds: defaultdict[str, list[tuple[str, Extract]]] = defaultdict(list)
    for quote in quotes:
        for amount, unit in _MONEY_PER.findall(quote.text):
            kinds[f"price per {unit.lower()}"].append((amount, quote))
    return dict(kinds)


def ours(index: int, outline: Mapping[str, Any], angle: Mapping[str, Any], profile: Mapping[str, Any]) -> list[str]:
    """What the profile adds to this section: a position with evidence, the pains, and in the last the ways on."""
    if not profile:
        return []
    blocks = []
    position = position_for(index, outline, angle, profile)
    if position is not None:
        blocks.append(evidence_block(position))
    if is_angle_section(index, outline):
        blocks.append(pains_block(profile))
    if index == _last(outline):
        blocks.append(ways_on(outline, profile))
    return blocks


def is_angle_section(index: int, outline: Mapping[str, Any]) -> bool:
    """The section whose purpose carries the angle; the first when none says so."""
    marked = [i for i, each in enumerate(outline["sections"]) if _ANGLE.search(str(each["purpose"]))]
    return index == (marked[0] if marked else 0)


def position_for(
    index: int, outline: Mapping[str, Any], angle: Mapping[str, Any], profile: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """The position that belongs here: the angle's own in its section, elsewhere the one this section is closest to."""
    positions: dict[str, Mapping[str, Any]] = {str(each["id"]): each for each in profile.get("positions", ())}
    if is_angle_section(index, outline):
        own = positions.get(str(angle.get("position_id")))
        return own if own is not None else {"claim": angle["angle"], "evidence": []}
    others = [each for each in positions.values() if each["id"] != angle.get("position_id")]
    section_of = {str(each["id"]): _closest(each, outline) for each in others}
    here: list[Mapping[str, Any]] = [each for each in others if section_of[str(each["id"])] == index]
    section = outline["sections"][index]
    return max(here, key=lambda each: _closeness(each, section)) if here else None


def _closest(position: Mapping[str, Any], outline: Mapping[str, Any]) -> int | None:
    closeness = [_closeness(position, each) for each in outline["sections"]]
    best = max(range(len(closeness)), key=lambda number: (closeness[number], -number))
    return best if closeness[best] > 0 and not is_angle_section(best, outline) else None


def _closeness(position: Mapping[str, Any], section: Mapping[str, Any]) -> float:
    about = tokens(" ".join([str(section["heading"]), *map(str, section.get("questions", ()))]))
    said = tokens(" ".join([str(position["claim"]), *(str(each["what"]) for each in position["evidence"])]))
    return covered(about, said) if len(about & said) >= SHARED_WORDS else 0.0


def evidence_block(position: Mapping[str, Any]) -> str:
    """A position with the first-party evidence for it."""
    proof = [f"- {plain_line(each['what'])} (ours: {plain_line(each['source'])})" for each in position["evidence"]]
    return f"**What we can add.** {plain_line(position['claim'])}" + ("\n\n" + "\n".join(proof) if proof else "")


def pains_block(profile: Mapping[str, Any]) -> str:
    """Whom to write for, and what hurts them."""
    pains = "\n".join(f"- {plain_line(pain)}" for pain in profile["icp"]["pains"])
    return f"**Write it for** {plain_line(profile['icp']['who'])}. What hurts:\n\n{pains}"


def ways_on(outline: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
    """The internal links closest to the outline, and the first call to action."""
    about = tokens(" ".join([str(outline["title"]), *(str(each["heading"]) for each in outline["sections"])]))
    internal = sorted(profile.get("internal_links", ()), key=lambda each: -covered(tokens(str(each["topic"])), about))[
        :2
    ]
    action = profile["calls_to_action"][0]
    lines = [f"- Read on: [{plain_line(each['topic'])}]({link(each['url'])})" for each in internal]
    lines.append(f"- {plain_line(profile['product']['name'])}: [{plain_line(action['text'])}]({link(action['url'])})")
    return "**Ways on**\n\n" + "\n".join(lines)


def _last(outline: Mapping[str, Any]) -> int:
    return len(outline["sections"]) - 1
