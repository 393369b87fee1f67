"""Whether what is cited exists: addresses among the results, quotes in their pages, figures in their source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from core.domain import View
from domains.seo.article import Article, Quote
from domains.seo.text import squeezed, words

SHORTEST_QUOTE: Final = 5
"""Words from which words in quotation marks are taken for a quote and not for a name."""
FIGURE: Final = re.compile(r"\d+(?:[.,]\d+)*")


def citation_problems(
    view: View, sections: Mapping[int, Mapping[str, Any]], article: Article
) -> Iterator[dict[str, str]]:
    """Problems of measure "citation", each once."""
    texts = page_texts(view)
    known = set(texts) | _result_urls(view)
    said: dict[str, None] = {}
    for index, section in sections.items():
        for citation in section["citations"]:
            said.update(dict.fromkeys(_of_citation(index, citation, known, texts)))
    for url in article.links:
        if url not in known and not _is_ours(url, view.content.get("profile", {})):
            said[f"The article links to {url}, which is neither a result nor an address of the profile."] = None
    for quote in article.quotes:
        said.update(dict.fromkeys(_of_quote(quote, texts, view.content.get("profile", {}))))
    if not any(section["citations"] for section in sections.values()):
        said["The article cites nothing."] = None
    yield from ({"measure": "citation", "says": text[:1000]} for text in said)


def page_texts(view: View) -> dict[str, str]:
    """Address (as in the results, and after redirects) -> text, for the pages that could be read."""
    texts = {}
    for page in view.content.get("pages", {}).get("pages", ()):
        if page["ok"] and page["text_sha256"] in view.texts:
            texts[str(page["url"])] = texts[str(page["final_url"])] = view.texts[page["text_sha256"]]
    return texts


def _result_urls(view: View) -> set[str]:
    return {str(result["url"]) for result in view.content.get("serp", {}).get("results", ())}


def _of_citation(index: int, citation: Mapping[str, Any], known: set[str], texts: Mapping[str, str]) -> Iterator[str]:
    url, claim = str(citation["url"]), str(citation["claim"])
    if url not in known:
        yield f"Section {index + 1} cites {url}, which is not among the results."
    elif url not in texts:
        yield f"Section {index + 1} cites {url}, which could not be read."
    else:
        figures = set(FIGURE.findall(texts[url]))
        for figure in sorted(set(FIGURE.findall(claim)) - figures):
            yield f"Section {index + 1} cites {url} for the figure {figure}, which is not in it."


def _of_quote(quote: Quote, texts: Mapping[str, str], profile: Mapping[str, Any]) -> Iterator[str]:
    if len(words(quote.text)) < SHORTEST_QUOTE:
        return
    sources = {url: texts[url] for url in quote.urls if url in texts} or texts
    wanted = squeezed(quote.text).strip(" .,;:")
    ours = squeezed(str(profile)) if not quote.urls else ""
    if wanted not in ours and not any(wanted in squeezed(text) for text in sources.values()):
        where = f"in {next(iter(sources))}" if quote.urls and len(sources) == 1 else "in any page that was read"
        yield f"The quote “{quote.text[:160]}” is not {where}."


def _is_ours(url: str, profile: Mapping[str, Any]) -> bool:
    listed = [*profile.get("calls_to_action", ()), *profile.get("internal_links", ())]
    if url in {str(each["url"]) for each in listed} or not url.startswith(("http:", "https:")):
        return not url.lower().startswith(("javascript:", "data:", "vbscript:"))
    try:
        return urlsplit(url).hostname == urlsplit(str(profile.get("site", ""))).hostname
    except ValueError:
        return False
