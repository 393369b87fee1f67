"""Downloads of pages from the open web, with every limit that needs.

Each hop's host is resolved once, every address it has is checked, and the connection goes to a checked address (the
request names the host in its Host header and, for TLS, in SNI and certificate check). So a name that resolves
differently a moment later (DNS rebinding) changes nothing. Proxies of the environment are not used: they would do
the resolving themselves.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import httpx

from core.errors import AutonomyError
from tools.addresses import Address, AllowedPrivate, Resolver, refusal, system_resolver
from tools.bounded_body import ACCEPT_ENCODING, BrokenBody, TooLarge, bounded_body

HTML: Final = frozenset({"text/html", "application/xhtml+xml", "text/plain"})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ADDRESSES_TRIED: Final = 3


class PageUnreadable(AutonomyError):
    """A page cannot be had; the message is the reason in words. `status` is 0 when nothing was answered."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


class AddressRefused(PageUnreadable):
    """We refuse to connect to where the page is."""


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """`max_bytes` counts the body after decompression; `connect` and `total` are seconds per page."""

    max_bytes: int = 5_000_000
    connect: float = 5.0
    total: float = 15.0
    redirects: int = 5


DEFAULT_LIMITS: Final = DownloadLimits()


@dataclass(frozen=True, slots=True)
class Download:
    """A body within the limits. `charset` is what the Content-Type header says, "" when nothing."""

    final_url: str
    status: int
    media: str
    charset: str
    body: bytes


Permit = Callable[[str], Awaitable[None]]
"""Asked before each hop; raises PageUnreadable to forbid it."""


class Downloader:
    """Fetches URLs for one tool call. `tls` replaces the default trust store."""

    def __init__(
        self,
        allowed: AllowedPrivate,
        user_agent: str,
        limits: DownloadLimits,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.limits = limits
        self._allowed = allowed
        self._user_agent = user_agent
        self._resolver = resolver
        self._tls = tls or httpx.create_ssl_context()

    async def get(
        self, url: str, *, permit: Permit | None = None, media: Collection[str] = HTML, total: float | None = None
    ) -> Download:
        """Follow `url` to its body. `media` empty: any content type. Raises PageUnreadable."""
        seconds = total or self.limits.total
        try:
            async with asyncio.timeout(seconds):
                return await self._follow(url, permit, media)
        except TimeoutError:
            raise PageUnreadable(f"no answer in {seconds:g} s") from None

    async def _follow(self, url: str, permit: Permit | None, media: Collection[str]) -> Download:
        here = _checked_url(url)
        for _ in range(self.limits.redirects + 1):
            addresses = await self._checked_addresses(here)
            if permit is not None:
                await permit(str(here))
            found = await self._hop(here, addresses, media)
            if isinstance(found, Download):
                return found
            here = found
        raise PageUnreadable(f"more than {self.limits.redirects} redirects")

    async def _checked_addresses(self, url: httpx.URL) -> list[Address]:
        """All addresses of the URL's host, IPv4 first. One refused address refuses the host."""
        host, port = _host(url), _port(url)
        try:
            found = [ipaddress.ip_address(text) for text in await self._resolver(host, port)]
        except (OSError, ValueError):
            raise PageUnreadable(f"no address for {host}") from None
        for address in found:
            if why := refusal(host, port, address, self._allowed):
                raise AddressRefused(f"refused: {why}")
        if not found:
            raise PageUnreadable(f"no address for {host}")
        return sorted(found, key=lambda address: address.version)

    async def _hop(self, url: httpx.URL, addresses: list[Address], media: Collection[str]) -> Download | httpx.URL:
        """One request: the page, or where it redirects to."""
        async with AsyncExitStack() as stack:
            response = await self._connect(url, addresses, stack)
            location = response.headers.get("location", "")
            if response.status_code in _REDIRECTS and location:
                return _checked_url(location, url)
            kind = _acceptable(response, media)
            body = await self._body(response)
        charset = response.charset_encoding or ""
        return Download(str(url), response.status_code, kind, charset, body)

    async def _connect(self, url: httpx.URL, addresses: list[Address], stack: AsyncExitStack) -> httpx.Response:
        """The answer of the first address that takes a connection; everything opened closes with `stack`."""
        for number, address in enumerate(addresses[:_ADDRESSES_TRIED], start=1):
            transport = await stack.enter_async_context(httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False))
            try:
                response = await transport.handle_async_request(self._request(url, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if number == min(len(addresses), _ADDRESSES_TRIED):
                    raise PageUnreadable(_connection_failure(error, self.limits.connect)) from None
            except httpx.TransportError as error:
                raise PageUnreadable(f"broken answer ({_cause(error)})") from None
            else:
                stack.push_async_callback(response.aclose)
                return response
        raise PageUnreadable("no connection")

    def _request(self, url: httpx.URL, address: Address) -> httpx.Request:
        headers = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": self._user_agent,
            "Accept": "text/html,application/xhtml+xml,text/plain;q=0.8",
            "Accept-Encoding": ACCEPT_ENCODING,
            "Connection": "close",
        }
        timeout = {"connect": self.limits.connect, "pool": self.limits.connect}
        extensions = {"sni_hostname": _host(url), "timeout": timeout}
        return httpx.Request("GET", url.copy_with(host=str(address)), headers=headers, extensions=extensions)

    async def _body(self, response: httpx.Response) -> bytes:
        encoding = response.headers.get("content-encoding", "")
        try:
            return await bounded_body(response.aiter_raw(), encoding, self.limits.max_bytes)
        except TooLarge:
            size = f"{self.limits.max_bytes / 1e6:g} MB"
            raise PageUnreadable(f"larger than {size}", response.status_code) from None
        except BrokenBody as error:
            raise PageUnreadable(str(error), response.status_code) from None
        except httpx.TransportError as error:
            raise PageUnreadable(f"broken answer ({_cause(error)})", response.status_code) from None


def _checked_url(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """An http(s) URL without credentials or fragment. Raises AddressRefused."""
    try:
        url = (base.join(text) if base is not None else httpx.URL(text)).copy_with(fragment=None)
    except httpx.InvalidURL:
        raise AddressRefused("refused: not a usable URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise AddressRefused(f"refused: {url.scheme or 'no scheme'} is not http or https")
    if url.userinfo:
        raise AddressRefused("refused: credentials in the URL")
    return url


def _acceptable(response: httpx.Response, media: Collection[str]) -> str:
    """The media type of an answer we read on. Raises PageUnreadable."""
    status = response.status_code
    if not 200 <= status < 300:
        raise PageUnreadable(f"answers {status}", status)
    kind = str(response.headers.get("content-type", "")).split(";")[0].strip().lower()
    if media and kind and kind not in media:
        raise PageUnreadable(f"not HTML ({kind[:80]})", status)
    return kind or "text/html"


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii").strip("[]")


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _connection_failure(error: httpx.TransportError, seconds: float) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection in {seconds:g} s"
    return f"no connection ({_cause(error)})"


def _cause(error: httpx.TransportError) -> str:
    return (str(error) or type(error).__name__)[:120]
