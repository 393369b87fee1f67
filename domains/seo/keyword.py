"""A keyword as people type it, made safe to store, show and search for."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

from core.errors import BadInput

LONGEST_KEYWORD: Final = 200
"""Characters, after clean-up."""
LONGEST_SLUG: Final = 80
LONGEST_INPUT: Final = 100_000
"""Characters looked at; more is refused before any clean-up work."""

_LOCALE: Final = re.compile(r"[a-z]{2}(-[A-Z]{2})?\Z")
_BIDI_OVERRIDES: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_JOINERS: Final = frozenset("\u200c\u200d\ufe0e\ufe0f")
"""Invisible, but part of emoji and of Persian and Indic spelling."""


def clean_keyword(text: str) -> str:
    """The keyword in NFKC with single spaces.

    Raises BadInput when it is empty, longer than LONGEST_KEYWORD, or has control or text-direction characters, which
    would make a review show something other than what is searched for.
    """
    if len(text) > LONGEST_INPUT:
        raise BadInput(_too_long(len(text)))
    keyword = " ".join(unicodedata.normalize("NFKC", text).split())
    for character in keyword:
        _refuse_hidden(character)
    if not any(character not in _JOINERS and not character.isspace() for character in keyword):
        raise BadInput("The keyword is empty; give the words people search for, such as: crm for startups")
    if len(keyword) > LONGEST_KEYWORD:
        raise BadInput(_too_long(len(keyword)))
    return keyword


def _too_long(length: int) -> str:
    return f"The keyword has {length} characters; give at most {LONGEST_KEYWORD}, one search phrase per thread."


def _refuse_hidden(character: str) -> None:
    code = f"U+{ord(character):04X}"
    if character in _BIDI_OVERRIDES:
        raise BadInput(
            f"The keyword contains the text-direction character {code}, which hides what it says; remove it."
        )
    if unicodedata.category(character) in {"Cc", "Cs"} or (
        unicodedata.category(character) == "Cf" and character not in _JOINERS and character not in "\u200e\u200f\u061c"
    ):
        raise BadInput(f"The keyword contains the invisible character {code}; remove it and try again.")


def check_locale(text: str) -> str:
    """`text` if it is a language, optionally with a country. Raises BadInput otherwise."""
    if not _LOCALE.match(text):
        raise BadInput(f"The locale {text[:20]!r} is not a language and country such as en-US, de-DE or fr.")
    return text


def slugify(keyword: str) -> str:
    """An ASCII slug of at most LONGEST_SLUG characters, the same for the same keyword.

    What ASCII cannot say is not transliterated: that would be a guess at its pronunciation. Where letters, digits or
    symbols are lost, or the end is cut off, six hex digits of the keyword's SHA-256 keep different keywords apart:
    one slug is one page.
    """
    decomposed = unicodedata.normalize("NFKD", keyword)
    slug = "-".join(re.findall(r"[a-z0-9]+", decomposed.encode("ascii", "ignore").decode("ascii").lower()))
    if not re.search("[a-z]", slug):
        return "kw-" + _digest(keyword)[:10]
    if len(slug) <= LONGEST_SLUG and not any(_is_lost(character) for character in decomposed):
        return slug
    return f"{slug[: LONGEST_SLUG - 7].strip('-')}-{_digest(keyword)[:6]}"


def _is_lost(character: str) -> bool:
    """Whether a character carries meaning that no ASCII letter or digit keeps: c++ is not c#."""
    meant = unicodedata.category(character)[0] in "LNS" or character in "#&%@"
    return meant and not (character.isascii() and character.isalnum())


def _digest(keyword: str) -> str:
    return hashlib.sha256(keyword.encode("utf-8", "surrogatepass")).hexdigest()
