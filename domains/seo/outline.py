"""A suggested outline: what the pages have in common, in the order of the chosen format, with room for the angle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from domains.seo.formats import Format
from domains.seo.headings import FIRST_PERSON, GENERAL, Topic, same_question
from domains.seo.research import Research, display
from domains.seo.text import concepts, likeness, tokens, topic

MOST_SECTIONS: Final = 9
FEWEST_SECTIONS: Final = 3
MOST_QUESTIONS: Final = 5
"""Questions of one section."""
ANSWERS: Final = 0.34
"""Likeness from which a section answers a question."""
_ALWAYS_OURS: Final = frozenset({"method", "picks", "comparison"})
"""Concepts whose headings promise what only their page has."""
ANGLE: Final = "angle"
FAQ: Final = "faq"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a format is built: concepts in reading order, and those that it cannot do without."""

    order: tuple[str, ...]
    always: tuple[str, ...]
    titles: tuple[str, ...]
    """Titles to try, first to last; {keyword} is the keyword as titles write it."""
    says: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Heading and purpose for concepts that mean something else in this format."""


PLANS: Final[Mapping[Format, Plan]] = {
    "list": Plan(
        ("definition", "need", "comparison", "picks", ANGLE, "free", "features", "cost", "choose", "setup", "migration",
         "mistakes", "method", FAQ),
        ("comparison", "picks", "choose"),
        ("{best}: {options} and whom each suits", "{best}: {options} for different needs", "{best}: which fits when"),
    ),
    "guide": Plan(
        ("definition", "need", "why", "steps", ANGLE, "features", "choose", "cost", "setup", "migration", "example",
         "mistakes", "summary", FAQ),
        ("mistakes",),
        ("{keyword}: a practical guide", "{keyword}, step by step", "{keyword}: what to know before you start"),
    ),
    "definition": Plan(
        ("definition", "why", "formula", "example", "types", "comparison", "benchmark", ANGLE, "improve", "mistakes",
         FAQ),
        ("definition", "example"),
        ("{question} Meaning, examples and limits", "{question} A plain explanation", "{question} And what it hides"),
        {"comparison": ("How it differs from related terms", "keep it apart from the terms it is confused with")},
    ),
    "comparison": Plan(
        ("summary", "comparison", "definition", "cost", "features", ANGLE, "choose", "migration", "mistakes", FAQ),
        ("comparison", "choose"),
        ("{keyword}: the differences that matter", "{keyword} compared", "{keyword}: which one, and when"),
        {"comparison": ("The main differences", "name the differences, and which of them matter to whom")},
    ),
    "product": Plan(
        ("why", "features", ANGLE, "comparison", "cost", "testimonials", "setup", "legal", FAQ),
        ("features", "cost"),
        ("{keyword}: what is included and what it costs", "{keyword}: plans and limits", "{keyword} at a glance"),
    ),
    "category": Plan(
        ("picks", "comparison", "cost", "features", ANGLE, "choose", "setup", FAQ),
        ("picks", "cost", "choose"),
        ("{keyword}: the choice at a glance", "{keyword} by size, price and use", "{keyword}: find the right one"),
    ),
    "template": Plan(
        ("template", "features", "steps", "example", "types", ANGLE, "mistakes", FAQ),
        ("template", "steps"),
        ("{keyword}: copy, fill in, send", "{keyword} with instructions", "{keyword}, and how to fill it in"),
        {"comparison": ("Which version to take", "tell the versions apart and take the right one")},
    ),
    "tool": Plan(
        ("steps", "formula", "example", "benchmark", "definition", ANGLE, "improve", FAQ),
        ("steps", "formula", "example"),
        ("{keyword}: work it out", "{keyword}, with the formula behind it", "{keyword} calculator, explained"),
    ),
    "landing": Plan(
        ("why", "features", ANGLE, "testimonials", "cost", "setup", FAQ),
        (),
        ("{keyword}: what you get", "{keyword} for your team", "{keyword}, in short"),
    ),
}  # fmt: skip

WORDING: Final[Mapping[str, tuple[str, str]]] = {
    "definition": ("What it is", "say in two sentences what it is, and what it is not"),
    "need": ("When you need it, and when you do not", "decide whether now is the time"),
    "why": ("Why it matters", "see what depends on it"),
    "comparison": ("The options at a glance", "see every option side by side, with the same facts for each"),
    "picks": ("The options one by one", "tell for each option whom it suits and who should skip it"),
    "features": ("What to look for", "tell what is needed from what is only nice to have"),
    "cost": ("What it costs", "name the full price, and what moves it"),
    "free": ("What you get for free", "tell what a free version leaves out"),
    "choose": ("How to choose", "get from the options to one decision"),
    "setup": ("Getting started", "take the first steps, and plan for how long they take"),
    "migration": ("Moving your data over", "bring over what exists without losing it"),
    "mistakes": ("Common mistakes", "avoid what others regret"),
    "method": ("How this overview was made", "judge how far to trust the overview"),
    "formula": ("How it is calculated", "work it out with one's own figures"),
    "example": ("A worked example", "follow it once with real figures"),
    "benchmark": ("What is normal", "compare one's own figure with others'"),
    "types": ("The kinds there are", "tell the kinds apart"),
    "improve": ("How to improve it", "pick the first thing to change"),
    "steps": ("Step by step", "do it in order"),
    "template": ("The template", "copy it and fill in every part"),
    "testimonials": ("What customers say", "hear it from others"),
    "legal": ("Privacy and the law", "name the duties before starting"),
    "summary": ("The short answer", "leave with the answer after one paragraph"),
    FAQ: ("Frequently asked questions", "get short answers to what else is asked"),
}
"""For each concept a heading that anyone can write, and what the reader can do after the section."""


@dataclass(slots=True)
class _Section:
    heading: str
    purpose: str
    rank: float
    support: int
    about: frozenset[str]
    concept: str
    questions: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {"heading": self.heading[:200], "purpose": self.purpose[:500], "questions": self.questions}


def suggest(research: Research, format_: Format, angle: str, variant: int = 0) -> dict[str, Any]:
    """Arguments of set_outline. `variant` counts up after a no: another title, and fewer of the common topics."""
    plan = PLANS[format_]
    sections = _common(research, plan, variant)
    sections += _missing(sections, plan)
    sections = _unlike(sections, research.keyword)
    sections.append(_angle_section(plan, angle))
    sections.sort(key=lambda section: section.rank)
    _share_out(research, sections)
    return {
        "title": title(research, plan.titles[variant % len(plan.titles)])[:200],
        "sections": [section.to_json() for section in _few(sections)],
    }


def title(research: Research, pattern: str) -> str:
    """`pattern` with the keyword as titles write it, and the number of things that several pages name."""
    keyword = research.keyword
    shown = display(keyword, [reading.title for reading in research.readings])
    best = shown if keyword.lower().startswith(("best", "top")) else f"Best {shown[:1].lower()}{shown[1:]}"
    if shown.split()[0].isupper():
        best = shown if best == shown else f"Best {shown}"
    asked = (
        shown if not keyword.lower().startswith(("what", "how", "why", "when", "which")) else f"{shown.rstrip('?')}?"
    )
    asked = asked if asked.endswith("?") else f"{shown}:"
    options = f"{len(research.names)} options" if len(research.names) >= FEWEST_SECTIONS else "the options"
    return pattern.format(keyword=shown, best=best, question=asked, options=options)


def _common(research: Research, plan: Plan, variant: int) -> list[_Section]:
    chosen = sorted(research.common_topics, key=lambda each: (-each.support, each.place))[: MOST_SECTIONS - 2 - variant]
    return [_from_topic(each, plan, research.keyword) for each in chosen if each.concept not in {FAQ, "testimonials"}]


def _from_topic(each: Topic, plan: Plan, keyword: str) -> _Section:
    heading, purpose = _wording(each.concept, plan) or (each.label, f"say what matters about “{each.label}”")
    if GENERAL.match(each.label) and not FIRST_PERSON.search(each.label) and each.concept not in _ALWAYS_OURS:
        heading = each.label
    pages = f"{each.support} of the pages have a section on it" if each.support > 1 else "one page has a section on it"
    return _Section(
        heading, f"The reader can {purpose}. ({pages})", _rank(each.concept, each.place, plan), each.support,
        topic(" ".join([heading, *(h.text for h in each.headings)]), keyword), each.concept,
    )  # fmt: skip


def _rank(concept: str, place: float, plan: Plan) -> float:
    return float(plan.order.index(concept)) if concept in plan.order else place * (len(plan.order) - 1) + 0.5


def _missing(common: Sequence[_Section], plan: Plan) -> list[_Section]:
    """What the format cannot do without, whether or not the pages have it in common."""
    present = {each.concept for each in common}
    sections = []
    for concept in plan.always:
        if concept not in present:
            heading, purpose = _wording(concept, plan) or WORDING["summary"]
            purpose = f"The reader can {purpose}. (the format needs it)"
            sections.append(
                _Section(heading, purpose, _rank(concept, 0.5, plan), MOST_SECTIONS, topic(heading), concept)
            )
    return sections


def _wording(concept: str, plan: Plan) -> tuple[str, str] | None:
    return plan.says.get(concept) or WORDING.get(concept)


def _unlike(sections: Sequence[_Section], keyword: str) -> list[_Section]:
    """Without sections that repeat another's heading or concept; the better supported one stays."""
    kept: list[_Section] = []
    for section in sorted(sections, key=lambda each: -each.support):
        same = any(
            other.concept == section.concept != ""
            or likeness(topic(other.heading, keyword), topic(section.heading, keyword)) > 0.6
            for other in kept
        )
        if not same:
            kept.append(section)
    return kept


def _angle_section(plan: Plan, angle: str) -> _Section:
    purpose = f"The reader can see the case for the angle, with our evidence: {angle}"
    return _Section(
        "What the other pages leave out", purpose, _rank(ANGLE, 0.5, plan), MOST_SECTIONS, tokens(angle), ANGLE
    )


def _share_out(research: Research, sections: list[_Section]) -> None:
    """Give each question to the section that answers it; the rest become a section of their own at the end."""
    rest: list[str] = []
    for question in research.questions:
        if any(same_question(question.text, section.heading, research.keyword) for section in sections):
            continue
        best = max(sections, key=lambda section: _answers(section, question.text))
        if _answers(best, question.text) >= ANSWERS and len(best.questions) < MOST_QUESTIONS:
            best.questions.append(question.text[:300])
        else:
            rest.append(question.text[:300])
    if rest:
        heading, purpose = WORDING[FAQ]
        about = frozenset(token for text in rest for token in tokens(text))
        sections.append(_Section(heading, f"The reader can {purpose}.", 1000.0, MOST_SECTIONS, about, FAQ, rest[:6]))


def _answers(section: _Section, question: str) -> float:
    if section.concept == ANGLE:
        return 0.0
    asked = topic(question)
    return 1.0 if section.concept and section.concept in concepts(question)[:1] else likeness(section.about, asked)


def _few(sections: Sequence[_Section]) -> list[_Section]:
    """At most MOST_SECTIONS, the least supported left out first; filled up with the plainest when there are too few."""
    kept = sorted(sections, key=lambda each: -each.support)[:MOST_SECTIONS]
    for concept in ("definition", "choose", "summary"):
        if len(kept) < FEWEST_SECTIONS:
            heading, purpose = WORDING[concept]
            kept.append(_Section(heading, f"The reader can {purpose}.", len(kept), 0, frozenset(), concept))
    return sorted(kept, key=lambda each: each.rank)
