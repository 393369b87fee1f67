"""robots.txt, as RFC 9309 has it: 4xx allows everything, 5xx and silence forbid everything, for this call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from tools.downloads import AddressRefused, Downloader, PageUnreadable

_MAX_CHARACTERS: Final = 500_000
Rules = Callable[[str], str]
"""URL -> why it is not fetched; "" when it may be."""


class Robots:
    """Asks each origin once. `timeout` is seconds for one robots.txt, redirects included."""

    def __init__(self, downloader: Downloader, agent: str, timeout: float) -> None:
        self._downloader = downloader
        self._agent = agent
        self._timeout = timeout
        self._rules: dict[str, Rules] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def permit(self, url: str) -> None:
        """Raises PageUnreadable when the site does not want `url` to be fetched."""
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        async with self._locks.setdefault(origin, asyncio.Lock()):
            if origin not in self._rules:
                self._rules[origin] = await self._ask(origin)
        if why := self._rules[origin](url):
            raise PageUnreadable(why)

    async def _ask(self, origin: str) -> Rules:
        try:
            found = await self._downloader.get(f"{origin}/robots.txt", media=(), total=self._timeout)
        except AddressRefused as refused:
            return _always(str(refused))
        except PageUnreadable as unreadable:
            allowed = 400 <= unreadable.status < 500
            return _always("" if allowed else f"robots.txt: {unreadable}")
        return rules(found.body.decode("utf-8-sig", "replace"), self._agent)


def rules(robots_txt: str, agent: str) -> Rules:
    """What `robots_txt` says to `agent`; only its first 500,000 characters count (RFC 9309, 2.5)."""
    parser = RobotFileParser()
    parser.parse(robots_txt[:_MAX_CHARACTERS].splitlines())
    return lambda url: "" if parser.can_fetch(agent, url) else "robots.txt disallows"


def _always(reason: str) -> Rules:
    return lambda url: reason
