"""The tool `search_serp`, and the order in which sources of search results are asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import ValidationError

from core.actions import Ref
from core.errors import AutonomyError, BadInput, ToolError
from core.ports import ToolContext, ToolOutput
from tools.serp_shapes import Serp, normalised_keyword
from tools.snapshots import Snapshots


class SerpProvider(Protocol):
    """A source of search results."""

    @property
    def name(self) -> str: ...

    async def search(self, keyword: str, locale: str) -> Serp | None:
        """Results for exactly this keyword; None when this source has none.

        Raises BadInput or ToolError when the search must not go on, ProviderSilent when the next source may answer.
        """
        ...


class ProviderSilent(AutonomyError):
    """A source could not be asked. The next one is, and the label of its results says so."""


class SearchSerp:
    """Asks `providers` in order, the bundled samples last. Never gives another keyword's results."""

    def __init__(self, providers: Sequence[SerpProvider], snapshots: Snapshots) -> None:
        self._providers = tuple(providers)
        self._snapshots = snapshots

    async def resolve(self, keyword: str, locale: str) -> Serp:
        """The first source's results. Raises BadInput when no source has any, and what a source raises."""
        tried: list[str] = []
        for provider in (*self._providers, self._snapshots):
            try:
                serp = await provider.search(keyword, locale)
            except ProviderSilent as silence:
                tried.append(str(silence))
                continue
            if serp is not None:
                return serp.model_copy(update={"label": "; ".join([serp.label, *tried])})
            if provider is not self._snapshots:
                tried.append(f"{provider.name} has no results")
        bundled = await asyncio.to_thread(self._snapshots.keywords)
        raise BadInput(no_results_message(keyword, bundled, tried))

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """The results put in place before the thread started, else those of `resolve`."""
        keyword, locale = str(arguments["keyword"]), str(arguments["locale"])
        placed = context.task.get("serp")
        if placed:
            serp = await _placed(Ref.model_validate(placed), keyword, context)
        else:
            serp = await self._resolved(keyword, locale)
        return ToolOutput(serp.to_json(), trust="untrusted", source=serp.label, summary=f"{len(serp.results)} results")

    async def _resolved(self, keyword: str, locale: str) -> Serp:
        try:
            return await self.resolve(keyword, locale)
        except BadInput as error:
            raise ToolError(str(error), "missing_evidence") from error


async def _placed(ref: Ref, keyword: str, context: ToolContext) -> Serp:
    serp = await read_serp(ref.sha256, context)
    if normalised_keyword(serp.keyword) != normalised_keyword(keyword):
        raise ToolError(f"The search results are for {serp.keyword!r}, not for {keyword!r}.", "missing_evidence")
    return serp


async def read_serp(sha256: str, context: ToolContext) -> Serp:
    """The stored search results. Raises ToolError: missing_evidence when absent, tool_drift when unreadable."""
    texts = await context.artifacts.read(context.site.tenant, [sha256])
    try:
        return Serp.model_validate(json.loads(texts[sha256]))
    except (ValidationError, ValueError) as error:
        raise ToolError(f"The stored search results {sha256[:12]} cannot be read: {error}", "tool_drift") from error


def no_results_message(keyword: str, bundled_keywords: Sequence[str], tried: Sequence[str]) -> str:
    """What a person is told when no source has results for `keyword`: what was tried and what would help."""
    before = f" ({'; '.join(tried)})" if tried else ""
    bundled = ", ".join(f'"{known}"' for known in bundled_keywords) or "none"
    scraped = "" if any("duckduckgo" in each for each in tried) else " or set AUTONOMY_DDGS=on"
    return (
        f"No search results for {keyword[:100]!r}{before}. Set SERPER_API_KEY or give --serp FILE{scraped}; "
        f"or use a keyword with a bundled sample: {bundled}."
    )
