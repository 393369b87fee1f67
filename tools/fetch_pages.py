"""The tool `fetch_pages`: the pages of a results page, read and stored."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import httpx

from core.errors import ToolError
from core.ports import ToolContext, ToolOutput
from tools.addresses import AllowedPrivate, Resolver, system_resolver
from tools.downloads import DEFAULT_LIMITS, Download, Downloader, DownloadLimits, PageUnreadable
from tools.extract import Extract, NothingToRead, extract, extract_plain
from tools.page_encoding import NotText, page_text
from tools.robots import Robots
from tools.search_serp import read_serp
from tools.serp_shapes import Serp, SerpResult
from tools.snapshots import Snapshots

AGENT: Final = "durable-autonomy"
_AT_ONCE: Final = 4
_ROBOTS_SHARE: Final = 1 / 3
"""Part of a page's time that its robots.txt may take."""
_CALL_SHARE: Final = 0.9
"""Part of the call's time that pages may take; the rest is for handing over what was read."""

Source = Callable[[str], Awaitable[Download]]


class FetchPages:
    """Reads each result's page, at most four at once; a bundled sample's pages come from its folder.

    `allowed_private` are hosts, host:port or networks that may be read although they are private. `contact` is a URL
    or mail address that sites see in our user agent.
    """

    def __init__(
        self,
        snapshots: Snapshots,
        allowed_private: frozenset[str] = frozenset(),
        contact: str = "",
        limits: DownloadLimits = DEFAULT_LIMITS,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._snapshots = snapshots
        self._allowed = AllowedPrivate.parse(allowed_private)
        self._user_agent = f"{AGENT}/0.1 (+{contact})" if contact else f"{AGENT}/0.1"
        self._limits = limits
        self._resolver = resolver
        self._tls = tls

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Raises ToolError(missing_evidence) when no page at all could be read."""
        serp = await read_serp(str(arguments["serp_sha256"]), context)
        results = serp.results[: int(arguments.get("at_most", 10))]
        pages = await self._pages(self._source(serp), results, context)
        read = sum(page["ok"] for page in pages)
        if not read:
            raise ToolError(_nothing_read(pages), "missing_evidence")
        result = {"pages": pages, "read": read, "failed": len(pages) - read}
        return ToolOutput(result, trust="untrusted", source=serp.label, summary=_summary(pages, read))

    def _source(self, serp: Serp) -> Source:
        slug = serp.snapshot
        if slug is not None:
            return lambda url: self._snapshots.download(slug, url)
        downloader = Downloader(self._allowed, self._user_agent, self._limits, self._resolver, self._tls)
        robots = Robots(downloader, AGENT, self._limits.total * _ROBOTS_SHARE)
        return lambda url: downloader.get(url, permit=robots.permit)

    async def _pages(self, source: Source, results: Sequence[SerpResult], context: ToolContext) -> list[dict[str, Any]]:
        places = asyncio.Semaphore(_AT_ONCE)
        until = asyncio.get_running_loop().time() + context.deadline * _CALL_SHARE

        async def page(result: SerpResult) -> dict[str, Any]:
            try:
                async with asyncio.timeout_at(until), places:
                    return await _page(source, result, context)
            except TimeoutError:
                return _unread(result, "not read: the time for the whole call was up", 0)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(page(result)) for result in results]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # such as a store that does not answer: one cause is enough
        return [task.result() for task in tasks]


async def _page(source: Source, result: SerpResult, context: ToolContext) -> dict[str, Any]:
    try:
        download = await source(result.url)
    except PageUnreadable as unreadable:
        return _unread(result, str(unreadable), unreadable.status)
    try:
        found = await asyncio.to_thread(_extracted, download)
    except (NotText, NothingToRead) as unreadable:
        return _unread(result, str(unreadable), download.status)
    ref = await context.artifacts.put(context.site.tenant, found.text, "text/plain", result.url, "untrusted")
    return {
        **_entry(result),
        "final_url": download.final_url,
        "title": found.title or result.title,
        "status": download.status,
        "ok": True,
        "text_sha256": ref.sha256,
        "words": found.words,
        "headings": [heading._asdict() for heading in found.headings],
    }


def _extracted(download: Download) -> Extract:
    text = page_text(download.body, download.charset)
    return extract_plain(text) if download.media == "text/plain" else extract(text)


def _entry(result: SerpResult) -> dict[str, Any]:
    """A page about which nothing but its place among the results is known."""
    return {
        "url": result.url,
        "final_url": result.url,
        "position": result.position,
        "title": result.title,
        "status": 0,
        "ok": False,
        "reason": "",
        "text_sha256": None,
        "words": 0,
        "headings": [],
    }


def _unread(result: SerpResult, reason: str, status: int) -> dict[str, Any]:
    return {**_entry(result), "reason": reason, "status": status}


def _summary(pages: Sequence[Mapping[str, Any]], read: int) -> str:
    """ "9 of 10 read; crm-radar.example answers 403"."""
    unread = [f"{httpx.URL(page['url']).host} {page['reason']}" for page in pages if not page["ok"]]
    return "; ".join([f"{read} of {len(pages)} read", *unread[:3]])


def _nothing_read(pages: Sequence[Mapping[str, Any]]) -> str:
    reasons = Counter(str(page["reason"]) for page in pages).most_common(3)
    said = "; ".join(f"{count} × {reason}" for reason, count in reasons)
    return f"None of the {len(pages)} pages could be read ({said}); check the network, or give other results."
