"""Which of the company's positions the results say least about. A selection, no judgement of which is good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domains.seo.pages import PageText, Sentence, page_sentences
from domains.seo.text import covered, tokens

RELATED: Final = 0.25
"""`related` from which a position has something to do with the keyword."""
NEARLY: Final = 0.8
"""Share of the best `related` from which a position counts as just as related."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A position against the pages.

    `related` 0..1: mean of the share of the keyword's words that the position uses, and the share of the claim's words
    that half of the pages use. `coverage` 0..1: the largest share of the claim's words in one sentence of a page.
    """

    position: Mapping[str, Any]
    related: float
    coverage: float
    closest: Sentence | None


def standings(profile: Mapping[str, Any], pages: Sequence[PageText], keyword: str) -> list[Standing]:
    """The positions, first those most related to the keyword (nearly counts), of these the least covered first."""
    counts = Counter(token for page in pages for token in tokens(page.text))
    common = frozenset(token for token, count in counts.items() if 2 * count >= len(pages))
    found = [_standing(position, pages, tokens(keyword), common) for position in profile.get("positions", ())]
    enough = NEARLY * max((each.related for each in found), default=0.0)
    return sorted(found, key=lambda each: _order(each, enough))


def _order(standing: Standing, enough: float) -> tuple[bool, float, float, str]:
    near = standing.related >= enough
    return not near, standing.coverage if near else -standing.related, -standing.related, str(standing.position["id"])


def _standing(
    position: Mapping[str, Any], pages: Sequence[PageText], keyword: frozenset[str], common: frozenset[str]
) -> Standing:
    claim = tokens(str(position["claim"]))
    best: Sentence | None = None
    coverage = 0.0
    for page in pages:
        for sentence in page_sentences(page):
            share = covered(claim, tokens(sentence.text))
            if share > coverage:
                best, coverage = sentence, share
    evidence = [str(each[part]) for each in position["evidence"] for part in ("what", "source")]
    said = claim | tokens(" ".join([str(position["id"]).replace("-", " "), *evidence]))
    return Standing(position, (covered(keyword, said) + covered(claim, common)) / 2, coverage, best)
