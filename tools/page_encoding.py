"""Bytes of a page as text."""

from __future__ import annotations

import codecs
import re
from typing import Final

from core.errors import AutonomyError

_SAID_IN_HEAD: Final = re.compile(
    rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})|<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]{2,40})",
    re.IGNORECASE,
)
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_MAGIC: Final = (b"%PDF-", b"PK\x03\x04", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"\x1f\x8b", b"\x7fELF", b"RIFF")
_SUPERSET: Final = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "shift_jis": "cp932", "gb2312": "gb18030",
    "gbk": "gb18030", "euc_kr": "cp949", "big5": "big5hkscs",
}  # fmt: skip
"""What browsers read under these names (WHATWG Encoding)."""
_FAMILIES: Final = (
    "utf-8", "utf-16", "iso8859", "cp", "koi8", "gb", "big5", "euc_", "shift_jis", "iso2022", "mac", "ascii", "tis",
)  # fmt: skip
"""Python knows further codecs under a charset's disguise, some of them slow enough to stop a worker (punycode)."""
_DAMAGE: Final = 0.01
"""Share of undecodable characters up to which a declared encoding is believed."""


class NotText(AutonomyError):
    """The bytes are no page, whatever their content type says."""


def page_text(body: bytes, charset: str) -> str:
    """Decoded by byte order mark, then `charset` (the header's), then the page's own word, then UTF-8, then a guess.

    Raises NotText for binary content.
    """
    if body.startswith(_MAGIC):
        raise NotText("binary content, not HTML")
    marked = next((name for mark, name in _MARKS if body.startswith(mark)), "")
    for name in (marked, charset, _said_in_head(body), "utf-8"):
        text = _decoded(body, name)
        if text is not None:
            return _without_binary(text)
    return _without_binary(_guessed(body))


def _without_binary(text: str) -> str:
    if "\x00" in text:
        raise NotText("binary content, not HTML")
    return text


def _said_in_head(body: bytes) -> str:
    found = _SAID_IN_HEAD.search(body[:4096])
    if found is None:
        return ""
    name = (found[1] or found[2]).decode("ascii", "replace")
    # A page whose ASCII "charset=utf-16" can be read is not in UTF-16.
    return "utf-8" if name.lower().startswith("utf-16") else name


def _decoded(body: bytes, name: str) -> str | None:
    """None for an unknown encoding, and for one that more than a little of the page contradicts."""
    try:
        codec = codecs.lookup(name).name if name else ""
    except LookupError:
        return None
    if not codec.startswith(_FAMILIES):
        return None
    text = body.decode(_SUPERSET.get(codec, codec), "replace")
    return text if text.count("\ufffd") <= _DAMAGE * len(text) else None


def _guessed(body: bytes) -> str:
    from charset_normalizer import from_bytes

    guess = from_bytes(body[:100_000]).best()
    return body.decode(guess.encoding if guess else "utf-8", "replace")
