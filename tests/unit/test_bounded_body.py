from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from tools.bounded_body import BrokenBody, TooLarge, bounded_body


class Wire:
    """Chunks as they come from a socket, counting how many were taken."""

    def __init__(self, data: bytes, size: int = 1_000) -> None:
        self.taken = 0
        self._data, self._size = data, size

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), self._size):
            self.taken += 1
            yield self._data[start : start + self._size]


def bare_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


PAGE = b"<p>page</p>" * 500
GZIPPED = gzip.compress(PAGE, mtime=0)  # parallel test runs must agree on the names of tests


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (PAGE, ""), (PAGE, "identity"), (GZIPPED, "gzip"), (GZIPPED, "X-GZIP"),
        (zlib.compress(PAGE), "deflate"), (bare_deflate(PAGE), "deflate"),
    ],
)  # fmt: skip
async def test_a_body_is_unpacked(data: bytes, encoding: str) -> None:
    assert await bounded_body(Wire(data, 7).chunks(), encoding, len(PAGE)) == PAGE


async def test_a_body_one_byte_over_its_limit_is_refused() -> None:
    for data, encoding in ((PAGE, ""), (gzip.compress(PAGE, mtime=0), "gzip")):
        with pytest.raises(TooLarge):
            await bounded_body(Wire(data).chunks(), encoding, len(PAGE) - 1)


async def test_a_bomb_is_left_after_its_first_chunk() -> None:
    wire = Wire(gzip.compress(bytes(50_000_000)))
    with pytest.raises(TooLarge):
        await bounded_body(wire.chunks(), "gzip", 10_000)
    assert wire.taken == 1


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip, gzip"])
async def test_an_encoding_we_did_not_ask_for_is_refused(encoding: str) -> None:
    with pytest.raises(BrokenBody, match="did not ask for"):
        await bounded_body(Wire(b"x").chunks(), encoding, 10)


async def test_broken_compression_is_said() -> None:
    for data in (b"not gzip at all", gzip.compress(PAGE, mtime=0)[:20] + b"\xff" * 200):
        with pytest.raises(BrokenBody, match="broken compression"):
            await bounded_body(Wire(data, 10).chunks(), "gzip", 10_000)
