"""Which format a result has, and which intent it serves: two tables of cues with weights, and two small rules.

Format: every cue that a result shows adds its weight to a format; the heaviest format wins, ties going to the first in
FORMATS. A result that shows no cue counts as a guide when it has the headings of an article and lies deeper than
the top of its site, else as a landing page, and says that no cue matched.

Intent: each result speaks for the four intents with seven tenths of what its format usually serves and three tenths
of the wording of its title and snippet (format alone when the wording says nothing). The distribution is the plain
mean over the results; position is not weighed.

The weights are judgement, not measurement.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args
from urllib.parse import urlsplit

Format = Literal["list", "guide", "definition", "comparison", "product", "category", "template", "tool", "landing"]
Intent = Literal["informational", "commercial", "transactional", "navigational"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
INTENTS: Final[tuple[Intent, ...]] = get_args(Intent)

FORMAT_SHARE: Final = 0.7
"""How much of a result's intent comes from its format; the rest from its wording."""

FORMAT_NAMES: Final[Mapping[Format, tuple[str, str]]] = {
    "list": ("list", "lists"),
    "guide": ("guide", "guides"),
    "definition": ("definition", "definitions"),
    "comparison": ("comparison", "comparisons"),
    "product": ("product page", "product pages"),
    "category": ("category page", "category pages"),
    "template": ("template", "templates"),
    "tool": ("interactive tool", "interactive tools"),
    "landing": ("landing page", "landing pages"),
}

Place = Literal["title", "path", "headings"]


@dataclass(frozen=True, slots=True)
class Cue:
    """A wording in one place of a result that speaks for a format, or against it when the weight is negative."""

    format: Format
    place: Place
    pattern: re.Pattern[str]
    weight: float


def _cue(format_: Format, place: Place, weight: float, pattern: str) -> Cue:
    return Cue(format_, place, re.compile(pattern, re.I), weight)


_MANY: Final = r"(?:\d{1,3}|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty)"

CUES: Final[tuple[Cue, ...]] = (
    _cue("list", "title", 4, rf"\b(?:top|best)\b.*\b\d{{1,3}}\b|\b{_MANY}\b(?:\s+[\w-]+){{0,2}}\s+(?:best|top|great|"
                             rf"cheapest)\b"),
    _cue("list", "title", 2.5, r"^(?:the )?(?:best|top|cheapest)\b"),
    _cue("list", "title", 2.5, rf"^(?:the )?{_MANY}\b(?!\s*(?:steps?|ways to calculate|free)\b)"),
    _cue("list", "title", 2.5, r"\balternatives?\b|\bpicks?\b|\bideas\b|\bexamples (?:to|that|you)\b"),
    _cue("list", "path", 1.5, r"\b(?:best|top)[-_/]|alternatives?\b"),
    _cue("list", "headings", 1.5, r"^\s*(?:#?\d{1,2}[.):]|\d{1,2}\s*[–-]\s*\d)\s*\S"),
    _cue("comparison", "title", 4.5, r"\bvs\.?\b|\bversus\b"),
    _cue("comparison", "title", 3, r"\bcompar(?:ed|ison|ing)\b|\bdifferences? between\b|\bside by side\b"),
    _cue("comparison", "path", 1.5, r"[-_/](?:vs|versus|compar\w*)\b|\bcompar\w+"),
    _cue("comparison", "headings", 1, r"^(?:comparison table|.*\bside[- ]by[- ]side\b|verdict\b)"),
    _cue("definition", "title", 4, r"^what (?:is|are|does)\b|\bmeaning\b|\bdefin(?:ition|ed)\b|\bwhat it means\b|"
                                   r"\bexplained\b"),
    _cue("definition", "path", 2, r"/(?:glossary|terms?|wiki|dictionary|encyclop\w+|definitions?)(?:/|$)|\bwhat-is-"),
    _cue("definition", "headings", 1.5, r"^(?:definition|.*\bdefinition$|what (?:is|are) \S|what does .* mean)"),
    _cue("guide", "title", 4, r"\bhow to\b|\bguide\b|\bstep[- ]by[- ]step\b|\btutorial\b|\bhandbook\b|\bplaybook\b"),
    _cue("guide", "title", 3, r"^(?:how|why|when|should|do|does|can|is|are)\b.*|\b\d+ (?:steps|ways)\b|\btips\b|"
                              r"\bchecklist\b"),
    _cue("guide", "path", 1.5, r"/(?:guides?|how-to|learn|academy|insights|tutorials?)(?:/|$)|\bhow-(?:to|much|do)\b"),
    _cue("guide", "path", 1, r"/(?:blog|posts?|articles?|magazine|news|essays?)/"),
    _cue("guide", "headings", 1.5, r"^(?:step \d|common mistakes|how to )"),
    _cue("product", "title", 3.5, r"^(?:plans?(?: (?:and|&) pricing)?|pricing(?: (?:and|&) plans?)?)\b|\b(?:pricing|"
                                  r"plans)\s*[|–:-]|\w+ pricing:"),
    _cue("product", "title", 2, r"\bfor (?:teams|startups|small \w+|business\w*|agencies|freelancers|"
                                r"enterprises?)\s*[|–—-]\s*\S"),
    _cue("product", "title", 1.5, r"\b(?:software|app|platform|crm|system)\b[\w ]*\s[|]\s\w+(?:\s\w+)?$"),
    _cue("product", "path", 2.5, r"^/(?:pricing|plans(?:-and-pricing)?|product|products|features)(?:/|$)|"
                                 r"/pricing(?:/|$)"),
    _cue("product", "path", 2, r"^/(?:solutions?|for|startups|teams|use-cases?|platform)(?:/|$)"),
    _cue("product", "title", 2, r"[$€£]\s?\d"),
    _cue("product", "path", -3.0, r"/(?:blog|posts?|articles?|magazine|news|essays?|guides?|insights)/"),
    _cue("product", "headings", 1.5, r"^(?:simple pricing|pricing faq|choose your .*plan|what (?:customers|startups|"
                                     r"users) say|"
         r"why \w+ choose|everything (?:you|your|a) .*need|get (?:started|set up)|getting started takes|"
         r"our .*guarantee|compare plans)"),
    _cue("category", "path", 3, r"/(?:categor(?:y|ies)|collections?|browse|directory|c)/"),
    _cue("category", "title", 3, r"^(?:browse|shop|buy|all)\b|:\s*shop\b|\b(?:directory|marketplace|"
                                 r"software reviews|for sale)\b"),
    _cue("category", "path", 1.5, r"/(?:shop|store|furniture|department)s?/[\w-]+s/?$"),
    _cue("product", "path", 1.5, r"/(?:shop|store)/"),
    _cue("category", "headings", 1.5, r"^(?:filter|sort by|browse|subcategories|all (?:products|categories))\b"),
    _cue("template", "title", 5, r"\btemplates?\b|\bsample (?:letter|contract|form)\b|\bprintable\b|\bswipe file\b"),
    _cue("template", "path", 2.5, r"\btemplates?\b"),
    _cue("template", "headings", 1, r"\btemplates?\b|^download\b"),
    _cue("tool", "title", 5.5, r"\bcalculator\b|\bgenerator\b|\bconverter\b|\bestimator\b|\bfree (?:online )?tool\b|"
                               r"\bchecker\b"),
    _cue("tool", "path", 2.5, r"/(?:calculators?|generators?|tools?/[\w-]*(?:calc|generat|check)\w*)(?:/|$)|"
                              r"calculator|generator"),
    _cue("tool", "headings", 1.5, r"how (?:to use )?the calculator|behind the tool|how the calculator"),
    _cue("landing", "title", 4, r"\b(?:official (?:site|website)|log ?in|sign ?in|home ?page|book a demo|"
                                r"join (?:now|us))\b"),
    _cue("landing", "title", 2, r"\b(?:agency|agencies|services|consult\w+|freelancers?|company)\b.*(?:[|–-]|"
                                r"\bin\b)\s*\S"),
    _cue("landing", "headings", 1, r"^(?:get in touch|contact us|talk to us|book a call|our (?:work|team|services|"
                                   r"clients)|"
         r"(?:results|work) for clients|who we (?:are|work with)|selected work|meet the team)\b"),
    _cue("landing", "path", 2.5, r"^/(?:lp|landing|demo|login|signin|webinar|campaign|get|try)(?:/|$)"),
)  # fmt: skip

_ARTICLE_HEADINGS: Final = 3
"""Headings from which a page without a cue is taken for an article."""

IDEAS: Final = (0.80, 0.20, 0.0, 0.0)
"""What a list or comparison serves when nothing in it is for sale: kanban vs scrum."""

_FOR_SALE: Final = re.compile(
    r"[$€£]|\b(?:pric(?:e|es|ed|ing)|costs?|free|cheap\w*|paid|buy|software|tools?|apps?|crms?|plans?|vendors?|"
    r"products?|"
    r"services?|providers?|brands?|deals?|tested|reviews?)\b", re.I,
)  # fmt: skip

SERVES: Final[Mapping[Format, tuple[float, float, float, float]]] = {
    "list": (0.20, 0.75, 0.05, 0.0),
    "guide": (0.75, 0.25, 0.0, 0.0),
    "definition": (0.95, 0.05, 0.0, 0.0),
    "comparison": (0.10, 0.85, 0.05, 0.0),
    "product": (0.0, 0.30, 0.65, 0.05),
    "category": (0.0, 0.50, 0.50, 0.0),
    "template": (0.35, 0.05, 0.60, 0.0),
    "tool": (0.45, 0.05, 0.50, 0.0),
    "landing": (0.05, 0.15, 0.50, 0.30),
}
"""Shares of INTENTS, in that order, that a format usually serves."""

WORDING: Final[Mapping[Intent, re.Pattern[str]]] = {
    "informational": re.compile(
        r"\b(?:what (?:is|are|does)|how (?:to|do|does)|why|guide|meaning|definition|explained|examples?|learn|"
        r"formula|tips|"
        r"step[- ]by[- ]step)\b", re.I),
    "commercial": re.compile(
        r"\b(?:best|top|reviews?|alternatives?|cheapest|ranked|picks?|tested|tried|which)\b", re.I),
    "transactional": re.compile(
        r"\b(?:buy|pricing|plans?|free trial|sign up|demo|download|discount|% off|coupon|calculator|generator|"
        r"templates?|"
        r"get started|order|per (?:seat|user|employee|month))\b", re.I),
    "navigational": re.compile(r"\b(?:log ?in|sign ?in|official (?:site|website)|home ?page|contact us)\b", re.I),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Guess:
    """The format of one result; `cues` is how much weight spoke for it, 0 when nothing matched."""

    format: Format
    cues: float


def format_of(title: str, url: str, headings: Sequence[str]) -> Guess:
    """The format that the cues speak for most; see the module's text for the rule."""
    said: dict[Place, Sequence[str]] = {"title": [title], "path": [_path(url)], "headings": headings}
    weights = dict.fromkeys(FORMATS, 0.0)
    for cue in CUES:
        weights[cue.format] += cue.weight * bool(any(cue.pattern.search(text) for text in said[cue.place]))
    best = max(FORMATS, key=lambda name: weights[name])
    if weights[best] > 0:
        return Guess(best, weights[best])
    article = len(headings) >= _ARTICLE_HEADINGS and _path(url).strip("/").count("/") > 0
    return Guess("guide" if article else "landing", 0.0)


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.lower()
    except ValueError:
        return ""


def intent_of(format_: Format, wording: str) -> dict[Intent, float]:
    """What one result, with its title and snippet, speaks for."""
    ideas = format_ in {"list", "comparison"} and not _FOR_SALE.search(wording)
    usual = dict(zip(INTENTS, IDEAS if ideas else SERVES[format_], strict=True))
    said = {intent: len(pattern.findall(wording)) for intent, pattern in WORDING.items()}
    total = sum(said.values())
    if not total:
        return usual
    return {i: FORMAT_SHARE * usual[i] + (1 - FORMAT_SHARE) * said[i] / total for i in INTENTS}


def mean_distribution(each: Sequence[Mapping[Intent, float]]) -> dict[Intent, float]:
    """The mean, in whole per cents that add up to exactly 1. Without results: equal shares, which say nothing."""
    if not each:
        return dict.fromkeys(INTENTS, 0.25)
    raw = {intent: 100 * sum(one[intent] for one in each) / len(each) for intent in INTENTS}
    floors = {intent: int(share) for intent, share in raw.items()}
    short = 100 - sum(floors.values())
    for intent in sorted(INTENTS, key=lambda name: floors[name] - raw[name])[:short]:
        floors[intent] += 1
    return {intent: count / 100 for intent, count in floors.items()}


def count_formats(formats: Iterable[Format]) -> list[tuple[Format, int]]:
    """Formats and how often each occurs, most frequent first, ties in the order of FORMATS."""
    counts = Counter(formats)
    return sorted(counts.items(), key=lambda item: (-item[1], FORMATS.index(item[0])))


def distance(one: Mapping[Any, float], other: Mapping[Any, float]) -> float:
    """Total variation distance of two distributions over INTENTS, 0..1."""
    return sum(abs(float(one.get(i, 0)) - float(other.get(i, 0))) for i in INTENTS) / 2


def distribution_in_words(distribution: Mapping[Any, float]) -> str:
    """ "commercial investigation 50 %, informational 30 %", largest first, without what rounds to nothing."""
    names = {"commercial": "commercial investigation"}
    ordered = sorted(INTENTS, key=lambda intent: -float(distribution.get(intent, 0)))
    shares = [(names.get(intent, intent), round(100 * float(distribution.get(intent, 0)))) for intent in ordered]
    return ", ".join(f"{name} {share} %" for name, share in shares if share)
