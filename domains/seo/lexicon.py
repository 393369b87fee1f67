"""English words the analysis knows, as data. Other languages still work, with fewer matches, and that is said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

STOP_WORDS: Final = frozenset(
    [
        "a",
        "about",
        "after",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "before",
        "being",
        "both",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "down",
        "each",
        "else",
        "even",
        "every",
        "few",
        "for",
        "from",
        "further",
        "get",
        "gets",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "hers",
        "him",
        "his",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "it's",
        "itself",
        "just",
        "let",
        "me",
        "might",
        "more",
        "most",
        "much",
        "must",
        "my",
        "no",
        "nor",
        "not",
        "of",
        "off",
        "on",
        "once",
        "only",
        "or",
        "other",
        "our",
        "ours",
        "out",
        "over",
        "own",
        "per",
        "same",
        "shall",
        "she",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "that's",
        "the",
        "their",
        "theirs",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "under",
        "until",
        "up",
        "upon",
        "us",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "whether",
        "which",
        "while",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "within",
        "without",
        "would",
        "you",
        "your",
        "yours",
        "don't",
        "doesn't",
        "isn't",
        "aren't",
        "won't",
        "you're",
        "we're",
        "they're",
        "let's",
        "really",
        "actually",
        "how",
        "now",
        "many",
        "thing",
        "things",
    ]
)

SUFFIXES: Final = (
    ("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("ations", "at"), ("ation", "at"),
    ("ating", "at"), ("ated", "at"), ("ates", "at"), ("ate", "at"), ("ings", ""), ("ing", ""), ("ed", ""), ("ss", "ss"),
    ("us", "us"), ("es", ""), ("s", ""), ("e", ""),
)  # fmt: skip
"""Tried in this order; the first that leaves three letters is taken."""


def _any(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b", re.I)


CONCEPTS: Final[Mapping[str, re.Pattern[str]]] = {
    "faq": _any(
        r"faqs?", r"frequently asked(?: \w+)*", r"common questions", r"^questions$", r"\w+ questions$",
        r"questions? (?:and answers|people|owners|founders|we get|to us|about)\b.*",
    ),
    "mistakes": _any(r"mistakes?", r"pitfalls?", r"errors?", r"traps?", r"what (?:not to do|does not work)", r"avoid"),
    "definition": _any(
        r"definitions?", r"defined?", r"meaning", r"what (?:does|do) .* means?", r"what it means", r"explained",
        r"what (?:is|are) (?:a |an |the )?(?!good|normal|typical|included|acceptable|best|cost)"
        r"[\w-]+(?: [\w-]+){0,3}(?=\??$)",
    ),
    "formula": _any(r"formulas?", r"calculat(?:e|ed|ing|ions?|or)", r"equation", r"work(?:ing)? it out", r"computed?"),
    "benchmark": _any(
        r"benchmarks?", r"typical", r"normal", r"what is (?:a )?good", r"average", r"acceptable", r"result good",
    ),
    "cost": _any(
        r"costs?", r"pric(?:e|es|ed|ing)", r"pay(?:s|ing)?", r"fees?", r"budgets?", r"charges?", r"expensive",
        r"cheap(?:er|est)?", r"how much", r"discounts?", r"bill",
    ),
    "free": _any(r"free"),
    "comparison": _any(
        r"compar(?:e|ed|ison|isons|ing)", r"side[- ]by[- ]side", r"at a glance", r"vs\.?", r"versus", r"table",
        r"differences?", r"pros and cons", r"advantages?", r"alternatives?",
    ),
    "picks": _any(
        r"picks", r"our (?:list|ranking)", r"the (?:list|ranking|runners-up)", r"one by one", r"in detail", r"ranked",
        r"best [\w ]*(?:tools|apps|software|platforms|crms|options|trackers)", r"short ?list", r"(?:top|best) \d+",
        r"\d+ best",
    ),
    "method": _any(
        r"how we (?:test|tested|score|check|checked|chose|rank|got|picked)\b.*", r"methodology", r"about the survey",
        r"how (?:this|the) list", r"tested",
    ),
    "features": _any(
        r"features?", r"look for", r"must-haves?", r"requirements?", r"capabilit(?:y|ies)", r"checklist", r"criteria",
        r"what .* includes?", r"what is included",
    ),
    "choose": _any(
        r"choos(?:e|ing)", r"how to (?:pick|select|decide)", r"which (?:one|tool|is best|should)", r"right for you",
        r"right choice", r"verdict", r"should you use",
    ),
    "setup": _any(
        r"set ?up", r"setting up", r"get(?:ting)? started", r"implement(?:ing|ation)?", r"onboarding",
        r"roll(?:ing)?[- ]?(?:it )?out", r"install(?:ing|ation)?",
    ),
    "migration": _any(r"migrat(?:e|ing|ion)", r"import(?:ing)?", r"mov(?:e|ing)", r"switch(?:ing)?"),
    "need": _any(
        r"(?:do|does|did) .* need", r"need (?:a|an|one)", r"signs?", r"when (?:should|does|do|to)\b.*",
        r"when did .* buy",
    ),
    "why": _any(r"why .* matters?", r"importance", r"important", r"benefits?", r"why (?:you|use|companies)\b.*"),
    "example": _any(r"examples?", r"case stud(?:y|ies)", r"samples?"),
    "types": _any(r"types?", r"kinds?", r"models?", r"categories"),
    "improve": _any(
        r"reduc(?:e|ed|ing)", r"lower(?:ed|ing)?", r"improv(?:e|ing|ement|ements)", r"increas(?:e|ing)", r"prevent",
    ),
    "steps": _any(r"steps?", r"step[- ]by[- ]step", r"process", r"how to use"),
    "template": _any(r"templates?", r"downloads?"),
    "testimonials": _any(r"what (?:customers|startups|users|people) say", r"testimonials?", r"trusted by", r"loved by"),
    "legal": _any(r"legal", r"law", r"privacy", r"complian(?:ce|t)", r"gdpr"),
    "summary": _any(
        r"bottom line", r"conclusions?", r"takeaways?", r"summary", r"in short", r"short answer", r"final thoughts",
        r"one thing to do",
    ),
}  # fmt: skip
"""What headings are about, whatever words they use. Order is strength: the first concept found names the heading."""

CHROME: Final = frozenset({
    "see also", "related terms", "related articles", "related posts", "most read", "comments", "newsletter", "share",
    "tools", "references", "external links", "read next", "further reading", "about the author", "table of contents",
    "contents", "subscribe", "sources", "notes", "questions", "example", "examples", "tags", "categories",
})  # fmt: skip
"""Headings that furnish a page and say nothing about its topic."""

SALES_TALK: Final = re.compile(
    r"\b(?:sign up|book a|request a demo|start (?:your )?free|try (?:it|us|\w+) (?:free|now)|subscribe|newsletter|"
    r"cookies?|"
    r"click here|read more|learn more|contact us|talk to (?:us|sales)|all rights reserved|affiliate|sponsored|"
    r"privacy policy|"
    r"log ?in|share this|follow us|download (?:the|our|now)|join (?:us|our|\d))\b",
    re.I,
)
"""A sentence with these is furniture or a pitch, seldom evidence."""

TO_MACHINES: Final = (
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:previous|prior|above|earlier|all|any|your|these|the)\b.{0,30}"
    r"\b(?:instructions?|prompts?|rules?|messages?|guidelines?|context)\b",
    r"\b(?:system|developer) (?:prompt|message|instructions?|override|note)\b",
    r"\b(?:note|notice|instructions?|attention|message|important)\b.{0,20}\b(?:to|for|,)\s*(?:all |any |the )?"
    r"(?:ai|a\.i\.|llms?|language models?|assistants?|chatbots?|bots?|agents?|crawlers?|automated|machine readers?)\b",
    r"\b(?:ai|llms?|language model|automated) (?:assistants?|agents?|models?|systems?|readers?|tools?|"
    r"writers?)\b.{0,60}"
    r"\b(?:must|should|please|need to|have to|are (?:to|instructed|required|asked)|will now)\b",
    r"\bif you(?:'re| are) (?:an? )?(?:ai|llm|language model|assistant|chatbot|bot|agent|automated)\b",
    r"\byou are (?:now )?(?:an? )?(?:ai|llm|language model|chatbot|assistant|dan)\b",
    r"\b(?:publish_content|save_draft|set_intent|set_angle|set_outline|write_section|revise_article|ask_human|"
    r"fetch_pages|search_serp|check_article)\b",
    r"<\|?/?(?:system|im_start|im_end|assistant|user|instructions?)\|?>",
    r"^\s*(?:system|assistant|user)\s*:",
    r"\b(?:new|updated|real|hidden) instructions?\b\s*(?::|for|from)",
    r"\b(?:approve|publish|send|transfer|wire)\b.{0,40}\b(?:immediately|automatically|without (?:review|asking|"
    r"approval))\b",
    r"\b(?:do not|don't|never)\b.{0,30}\b(?:ask|tell|inform|notify|involve)\b.{0,20}\b(?:a |the |any )?"
    r"(?:human|person|people|reviewer|user)s?\b",
)
"""Wordings of text meant for a program. A net with holes, used only to keep such text out of quotes: what protects is
that nothing written in a page can choose a tool or fill a control argument."""
