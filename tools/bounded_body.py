"""A response body that stops growing at its limit, also when it is compressed.

Libraries decompress a whole chunk before anyone can count: 64 kB on the wire can be 60 MB of gzip and gigabytes of
zstd. So we ask for gzip or deflate only, and unpack no further than the limit.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import Final

from core.errors import AutonomyError

ACCEPT_ENCODING: Final = "gzip, deflate"


class TooLarge(AutonomyError):
    """The body is larger than its limit."""


class BrokenBody(AutonomyError):
    """The body is compressed in a way that we cannot unpack; the message says how."""


async def bounded_body(chunks: AsyncIterator[bytes], content_encoding: str, max_bytes: int) -> bytes:
    """The unpacked body. Raises TooLarge as soon as it exceeds `max_bytes`, BrokenBody."""
    unpack = _unpacker(content_encoding)
    body = bytearray()
    async for chunk in chunks:
        body += unpack(chunk, max_bytes - len(body) + 1)
        if len(body) > max_bytes:
            raise TooLarge(f"more than {max_bytes} bytes")
    return bytes(body)


class _Plain:
    def __call__(self, chunk: bytes, at_most: int) -> bytes:
        return chunk[:at_most]


class _Zlib:
    """gzip, zlib and the bare deflate that some servers send under the name deflate."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._begun = False

    def __call__(self, chunk: bytes, at_most: int) -> bytes:
        try:
            unpacked = self._stream.decompress(chunk, at_most)
        except zlib.error as error:
            unpacked = self._bare(chunk, at_most, error)
        self._begun = True
        return unpacked

    def _bare(self, chunk: bytes, at_most: int, error: zlib.error) -> bytes:
        if self._begun:
            raise BrokenBody(f"broken compression ({error})")
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            return self._stream.decompress(chunk, at_most)
        except zlib.error:
            raise BrokenBody(f"broken compression ({error})") from None


def _unpacker(content_encoding: str) -> _Plain | _Zlib:
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        return _Plain()
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _Zlib()
    raise BrokenBody(f"content encoding {encoding[:40]!r}, which we did not ask for")
