"""What people said, as far as a method without a language model can use it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from domains.seo.formats import Format

REFUSALS: Final = frozenset({"rejected", "denied", "invalid"})
SAID_BY_PEOPLE: Final = frozenset({"answer", "handed_back", "rejected"})

_NAMES: Final[Mapping[Format, str]] = {
    "list": r"lists?|listicle|round-?up",
    "guide": r"guides?|how-to|tutorial",
    "definition": r"definitions?|explainer|glossary entry",
    "comparison": r"comparisons?|versus page",
    "product": r"product(?: page)?|pricing page",
    "category": r"category(?: page)?",
    "template": r"templates?",
    "tool": r"(?:interactive )?tool|calculator|generator",
    "landing": r"landing(?: page)?",
}
_NOT: Final = r"\b(?:not|no|isn't|instead of|rather than|never)\s+(?:an?\s+|the\s+|another\s+)?"
_LEAST_WORDS: Final = 5
"""Words from which an answer can be a point of view."""


def refused(feedback: Sequence[Mapping[str, Any]], action: str) -> list[Mapping[str, Any]]:
    """Items that say no to a proposal of `action`, oldest first."""
    return [item for item in feedback if item.get("kind") in REFUSALS and item.get("action") == action]


def words_of(item: Mapping[str, Any]) -> str:
    """What an item says, each thing once: the runtime repeats a person's message among the reasons."""
    return " ".join(dict.fromkeys([str(item.get("message") or ""), *map(str, item.get("reasons") or ())])).strip()


def named_format(feedback: Sequence[Mapping[str, Any]]) -> Format | None:
    """The one format that the newest human word names, leaving out what it names only to refuse; None if unclear."""
    for item in reversed(feedback):
        if item.get("kind") in SAID_BY_PEOPLE and item.get("action") in {"set_intent", "ask_human", None, ""}:
            said = words_of(item).lower()
            named = [name for name, pattern in _NAMES.items() if _names(said, pattern)]
            if len(named) == 1:
                return named[0]
    return None


def _names(said: str, pattern: str) -> bool:
    wanted = re.sub(rf"{_NOT}(?:{pattern})\b", " ", said)
    return re.search(rf"\b(?:{pattern})\b", wanted) is not None


def own_angle(feedback: Sequence[Mapping[str, Any]]) -> str:
    """A point of view in a person's words: the newest answer or hand-back that follows a no to an angle; else ""."""
    after = False
    found = ""
    for item in feedback:
        after = after or (item.get("kind") in REFUSALS and item.get("action") == "set_angle")
        if after and item.get("kind") in {"answer", "handed_back"}:
            said = " ".join(str(item.get("message") or "").split())
            found = said if len(said.split()) >= _LEAST_WORDS and not said.endswith("?") else found
    return found[:600]
