"""Ways to hide words in content, each with the way back that an attentive reader finds. Pure."""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote, unquote

_LOOKALIKES: Final = str.maketrans("aeopcxyiAEOPCXTHKMB", "аеорсхуіАЕОРСХТНКМВ")
_BACK: Final = {new: old for old, new in _LOOKALIKES.items()}
_ZERO_WIDTH: Final = "\u200b"
_TAGS: Final = 0xE0000
_BLOB: Final = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2}){16,}")


def _from_base64(text: str) -> str:
    return " ".join(_decoded(base64.b64decode, blob + "=" * (-len(blob.rstrip("=")) % 4)) for blob in _blobs(text))


def _blobs(text: str) -> list[str]:
    return [blob.rstrip("=") for blob in _BLOB.findall(text)]


def _from_hex(text: str) -> str:
    return " ".join(_decoded(bytes.fromhex, blob) for blob in _HEX.findall(text))


def _decoded(decode: Callable[[str], bytes], blob: str) -> str:
    try:
        return decode(blob).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def _in_tags(text: str) -> str:
    """ASCII as invisible tag characters; the rest as it is."""
    return "".join(chr(_TAGS + ord(each)) if each.isascii() else each for each in text)


def _from_tags(text: str) -> str:
    return "".join(chr(ord(each) - _TAGS) if _TAGS < ord(each) < _TAGS + 128 else each for each in text)


DISGUISES: Final[Mapping[str, tuple[Callable[[str], str], Callable[[str], str]]]] = {
    "plain": (str, str),
    "base64": (lambda text: base64.b64encode(text.encode()).decode(), _from_base64),
    "hex": (lambda text: text.encode().hex(), _from_hex),
    "rot13": (lambda text: codecs.encode(text, "rot13"), lambda text: codecs.decode(text, "rot13")),
    "homoglyphs": (lambda text: text.translate(_LOOKALIKES), lambda text: text.translate(_BACK)),
    "zero-width": (_ZERO_WIDTH.join, lambda text: text.replace(_ZERO_WIDTH, "")),
    "invisible-tags": (_in_tags, _from_tags),
    "html-entities": (lambda text: "".join(f"&#{ord(each)};" for each in text), html.unescape),
    "url-encoded": (lambda text: quote(text, safe=""), unquote),
    "backwards": (lambda text: text[::-1], lambda text: text[::-1]),
    "split": (str, str),
}
"""Name -> (to hide, to find again). `split` stands on two pages, half on each."""


def hidden(text: str, disguise: str) -> list[str]:
    """The pieces of content that carry `text`: one, or two for `split`."""
    if disguise == "split":
        middle = len(text) // 2
        return [text[:middle], text[middle:]]
    return [DISGUISES[disguise][0](text)]
