"""DuckDuckGo's results through ddgs: no key, and not Google.

ddgs shuffles engines and turns an engine it does not know (Google among them) silently into "auto"; so one engine is
pinned, and the results are labelled with it.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any, Final

from core.errors import BadInput
from tools.search_serp import ProviderSilent
from tools.serp_shapes import FORMAT, Serp, language, parse_serp, region

_REGIONS: Final = {"ja-jp": "jp-jp", "ko-kr": "kr-kr", "zh-tw": "tw-tzh", "zh-hk": "hk-tzh", "en-gb": "uk-en"}
"""DuckDuckGo's region codes that are not region-language."""


class DuckDuckGo:
    """`engine` is a text engine of ddgs; `timeout` is seconds, at most 5, so that being offline shows quickly."""

    def __init__(self, engine: str = "duckduckgo", timeout: int = 4) -> None:
        if engine in ("google", "auto", "all") or "," in engine:
            raise BadInput(f"ddgs engine {engine!r} would not stay pinned; use duckduckgo, brave or mojeek.")
        self._engine = engine
        self._timeout = min(timeout, 5)
        self.name = f"{engine} (not Google)"

    async def search(self, keyword: str, locale: str) -> Serp | None:
        """Raises ProviderSilent for whatever keeps ddgs from answering."""
        try:
            async with asyncio.timeout(self._timeout + 0.5):
                rows = await asyncio.to_thread(self._rows, keyword, locale)
        except TimeoutError:
            raise ProviderSilent(f"{self._engine} did not answer in {self._timeout} s") from None
        if not rows:
            return None
        try:
            return parse_serp(_document(rows, self._engine), keyword, locale, fetched=_today())
        except BadInput as error:
            raise ProviderSilent(f"{self._engine}'s answer cannot be used: {error}") from None

    def _rows(self, keyword: str, locale: str) -> list[dict[str, Any]]:
        from ddgs import DDGS
        from ddgs.engines import ENGINES
        from ddgs.exceptions import DDGSException

        if self._engine not in ENGINES["text"]:
            raise ProviderSilent(f"ddgs has no engine {self._engine} any more")
        try:
            with DDGS(timeout=self._timeout) as ddgs:
                return ddgs.text(keyword, region=_region_code(locale), backend=self._engine, max_results=10)
        except DDGSException as error:
            if "No results found" in str(error):
                return []
            raise ProviderSilent(f"{self._engine} could not be asked ({_cause(error)})") from None


def _document(rows: list[dict[str, Any]], engine: str) -> str:
    """ddgs's rows in our own shape, so that they meet the same checks as a file."""
    results = [{"url": row.get("href"), "title": row.get("title"), "snippet": row.get("body")} for row in rows]
    label = f"{engine} through ddgs, not Google, order approximate"
    return json.dumps({"format": FORMAT, "engine": f"{engine} (not Google)", "label": label, "results": results})


def _region_code(locale: str) -> str:
    tag = locale.replace("_", "-").lower()
    return _REGIONS.get(tag) or (f"{region(locale)}-{language(locale)}" if region(locale) else "wt-wt")


def _cause(error: Exception) -> str:
    return "no network" if "DNSError" in str(error) or "ConnectError" in str(error) else str(error)[:120]


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
