"""What a person changed in a proposal: paths with what was there and what is, and for long texts a summary. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

_LONG: Final = 200
"""Characters from which a text is summarised instead of being quoted."""
_MOST: Final = 100
"""Changes that are listed; an arbitrary object could hold any number."""
_HEADING: Final = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_WORD: Final = re.compile(r"\w+")
_MISSING: Final = object()


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each change as {path (RFC 6901), change: added | removed | changed, …}.

    Short values are quoted in `was` and `is`. Of a long text there are `words_removed`, `words_added` and the
    Markdown headings of the sections that differ.
    """
    return [_told(path, was, now) for path, was, now in _between("", before, after)][:_MOST]


def _between(path: str, was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in sorted({*was, *now}):
            yield from _between(f"{path}/{_step(key)}", was.get(key, _MISSING), now.get(key, _MISSING))
    elif isinstance(was, list) and isinstance(now, list):
        for index in range(max(len(was), len(now))):
            pair = (each[index] if index < len(each) else _MISSING for each in (was, now))
            yield from _between(f"{path}/{index}", *pair)
    elif was is not now and (was != now or type(was) is not type(now)):
        yield path, was, now


def _told(path: str, was: Any, now: Any) -> dict[str, Any]:
    kind = "added" if was is _MISSING else "removed" if now is _MISSING else "changed"
    told: dict[str, Any] = {"path": path, "change": kind}
    if isinstance(was, str) and isinstance(now, str) and max(len(was), len(now)) > _LONG:
        return told | _summary(was, now)
    quoted = {"was": was, "is": now}
    return told | {name: _short(value) for name, value in quoted.items() if value is not _MISSING}


def _summary(was: str, now: str) -> dict[str, Any]:
    before, after = Counter(_WORD.findall(was)), Counter(_WORD.findall(now))
    old, new = _sections(was), _sections(now)
    differing = [heading for heading in {**old, **new} if old.get(heading) != new.get(heading)]
    return {
        "words_removed": sum((before - after).values()),
        "words_added": sum((after - before).values()),
        "sections": [heading[:_LONG] for heading in differing][:_MOST],
    }


def _sections(text: str) -> dict[str, str]:
    """Heading -> text below it; what stands before the first heading is under the empty one."""
    parts = _HEADING.split(text)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def _step(key: str) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONG:
        return value[: _LONG - 1] + "…"
    if isinstance(value, list | dict) and len(str(value)) > _LONG:
        return f"{len(value)} {'items' if isinstance(value, list) else 'fields'}"
    return value
