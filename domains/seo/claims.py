"""What an article says, claim by claim: literally in a source that was read, only asserted, or cited nowhere. Pure.

It reads words, not meaning: "verified" says that the source has the very words or figures, not that it is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from core.actions import Proposal
from core.domain import View
from domains.seo.article import assemble, sections_of
from domains.seo.citations import FIGURE, page_texts
from domains.seo.text import covered, sentences, squeezed, tokens, words

Standing = Literal["verified", "asserted", "uncited"]
STANDINGS: Final[tuple[Standing, ...]] = ("uncited", "asserted", "verified")
"""What needs a reader most stands first."""
_LINK: Final = re.compile(r"\]\(\s*<?https?:")
_QUOTED: Final = re.compile(r"“([^”]{12,})”|\"([^\"\n]{12,})\"")
_MARKS: Final = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|^\s*[-+]\s+|[*_`>#]+", re.MULTILINE)
_SOURCE_LINE: Final = re.compile(r"^\s*[-*+]\s*<https?:[^>]*>\s*$", re.MULTILINE)
"""A line of the list that closes an article."""
_OURS: Final = 0.8
"""Share of a sentence's words that the profile has, from which it is taken to come from there."""
_LONGEST: Final = 160


def claims(view: View, proposal: Proposal) -> tuple[dict[str, str], ...]:
    """Each claim of what is proposed: text, standing, source. Empty for an action that is not about an article."""
    texts = {url: squeezed(text) for url, text in page_texts(view).items()}
    ours = str(view.content.get("profile", ""))
    found = [each for section in _sections(view, proposal) for each in _of_section(section, texts, ours)]
    unique = list({each["text"]: each for each in found}.values())
    return tuple(sorted(unique, key=lambda each: STANDINGS.index(each["standing"])))


def _sections(view: View, proposal: Proposal) -> list[Mapping[str, Any]]:
    written = [section for _, section in sorted(sections_of(view.content).items())]
    match proposal.action:
        case "write_section":
            return [proposal.arguments]
        case "revise_article":
            return list(proposal.arguments.get("changes", ()))
        case "save_draft":
            return written
        case "publish_content":
            return _as_edited(view, written)
    return []


def _as_edited(view: View, written: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The sections, or the draft as a person has made it of them: with the citations that it still links."""
    draft = view.texts.get(str(view.content.get("draft", {}).get("article_sha256")))
    if draft is None or draft == assemble(view.content["outline"], sections_of(view.content)):
        return written
    text = _SOURCE_LINE.sub("", draft)
    linked = [each for section in written for each in section.get("citations", ()) if str(each["url"]) in text]
    return [{"markdown": text, "citations": linked}]


def _of_section(section: Mapping[str, Any], texts: Mapping[str, str], ours: str) -> Iterator[dict[str, str]]:
    cited = list(section.get("citations", ()))
    for citation in cited:
        claim, url = str(citation["claim"]), str(citation["url"])
        yield _claim(claim, "verified" if _in_source(claim, texts.get(url)) else "asserted", url)
    said = [squeezed(str(citation["claim"])) for citation in cited]
    for paragraph in str(section.get("markdown", "")).split("\n\n"):
        if not _LINK.search(paragraph):
            yield from _uncited(_MARKS.sub(r"\1", paragraph), said, ours)


def _uncited(paragraph: str, said: list[str], ours: str) -> Iterator[dict[str, str]]:
    """Sentences with a figure and no source beside them; those of the profile are ours."""
    for sentence in (each for line in paragraph.splitlines() for each in sentences(line)):
        figures = set(FIGURE.findall(sentence))
        aside = sentence.startswith("(") and sentence.endswith(")")
        if figures and not aside and len(words(sentence)) > 3 and squeezed(sentence) not in said:
            first_party = figures <= set(FIGURE.findall(ours)) and covered(tokens(sentence), tokens(ours)) >= _OURS
            yield _claim(sentence, "verified", "your profile") if first_party else _claim(sentence, "uncited", "")


def _in_source(claim: str, source: str | None) -> bool:
    """Whether the source has the claim's words, or its quotes, or all of its figures."""
    if not source:
        return False
    if squeezed(claim).strip(" .,;:") in source:
        return True
    quotes = [squeezed(one or other).strip(" .,;:") for one, other in _QUOTED.findall(claim)]
    figures = set(FIGURE.findall(claim))
    if quotes or figures:
        return all(quote in source for quote in quotes) and figures <= set(FIGURE.findall(source))
    return False


def _claim(text: str, standing: Standing, source: str) -> dict[str, str]:
    plain = " ".join(text.split())
    return {
        "text": plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…",
        "standing": standing,
        "source": source,
    }
