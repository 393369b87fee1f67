"""Whether a value is on the list of what an argument may be. What cannot be read is on no list."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, assert_never
from urllib.parse import urlsplit

from core.tools import PROFILE_ENTRY, TASK_ENTRY, Allowlist

_RECIPIENT: Final = re.compile(r"[^@\s<>,;:\"'()\[\]\\]+@([^@\s<>,;:\"'()\[\]\\]+)")


def on_list(
    listed: Allowlist, value: Any, task: Mapping[str, Any], profile: Mapping[str, Any] = MappingProxyType({})
) -> bool:
    """Every value of a list must be on the list; no value at all is on none."""
    if isinstance(value, list):
        return bool(value) and all(on_list(listed, item, task, profile) for item in value)
    if not isinstance(value, str) or value != unicodedata.normalize("NFC", value):
        return False
    return any(_fits(listed, value, entry) for entry in _entries(listed, task, profile))


def _entries(listed: Allowlist, task: Mapping[str, Any], profile: Mapping[str, Any]) -> Iterator[str]:
    for entry in listed.entries:
        if entry.startswith(TASK_ENTRY):
            yield from _texts(task.get(entry.removeprefix(TASK_ENTRY)))
        elif entry.startswith(PROFILE_ENTRY):
            yield from _texts(profile.get(entry.removeprefix(PROFILE_ENTRY)))
        else:
            yield entry


def _texts(given: Any) -> Iterator[str]:
    for each in given if isinstance(given, list) else [given]:
        if isinstance(each, str):
            yield each


def _fits(listed: Allowlist, value: str, entry: str) -> bool:
    match listed.kind:
        case "host":
            return _host_fits(value, entry)
        case "recipient":
            return _recipient_fits(value, entry)
        case "path":
            return _path_fits(value, entry)
        case "value":
            return value == entry
        case _:
            assert_never(listed.kind)


def _host_fits(address: str, entry: str) -> bool:
    host, wanted = _host(address), _host(entry if "//" in entry else f"https://{entry}")
    return bool(host and wanted) and (host == wanted or host.endswith(f".{wanted}"))


def _host(address: str) -> str:
    """The host of an http address; empty for one that readers of addresses may take differently."""
    if re.search(r"[\s\\]|[^\x21-\x7e]", address):
        return ""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        return ""
    return host.rstrip(".").lower()


def _recipient_fits(address: str, entry: str) -> bool:
    found = _RECIPIENT.fullmatch(address)
    if not found or not address.isascii():
        return False
    if entry.startswith("@"):
        return found[1].lower() == entry[1:].lower()
    return address.lower() == entry.lower()


def _path_fits(path: str, folder: str) -> bool:
    if "\\" in path or "\0" in path or ".." in path.split("/"):
        return False
    inside, root = posixpath.normpath(path), posixpath.normpath(folder)
    return inside == root or inside.startswith(root.rstrip("/") + "/")
