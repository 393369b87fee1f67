"""What the inbox shows: the words of an address become the parameters of a query. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

NOBODY: Final = "nobody"
ME: Final = "me"
AGES: Final[Mapping[str, float]] = {"over 1 h": 1, "over 4 h": 4, "over 1 day": 24, "over 3 days": 72}
NAMES: Final = ("task_type", "tier", "reason", "batch", "assignee", "kind", "tenant")
_WORD: Final = re.compile(r"[^\W_]+")


def parameters(
    chosen: Mapping[str, Any], person: str, now: datetime, after: tuple[float, int] | None, limit: int
) -> dict[str, Any]:
    """What `inbox_page` takes. `chosen`: filter -> what was chosen; None and the empty text choose everything."""
    given: dict[str, Any] = {name: chosen.get(name) or None for name in NAMES}
    given["batch"] = batch_number(given["batch"])
    given["assignee"] = {NOBODY: "", ME: person}.get(given["assignee"] or "?", given["assignee"])
    return given | {
        "hours": AGES.get(chosen.get("age") or ""),
        "words": searched(chosen.get("search") or ""),
        "person": person,
        "now": now,
        "after": after[0] if after else None,
        "after_number": after[1] if after else None,
        "limit": limit,
    }


def searched(text: str) -> str | None:
    """All of these words, each as it begins, in the form of a tsquery; None when there is none."""
    words = _WORD.findall(text)[:12]
    return " & ".join(f"{word[:40]}:*" for word in words) or None


def batch_number(text: Any) -> int | None:
    """b-7 → 7; 0, which is no batch, for anything else that was asked for."""
    if text is None:
        return None
    digits = str(text).removeprefix("b-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0


def options(rows: Iterable[Mapping[str, Any]], name: str) -> dict[str, int]:
    """What there is to choose of a filter, the most frequent first: the word -> how many wait."""
    counted: Counter[str] = Counter()
    for row in rows:
        value = row[name]
        if name == "batch" and value is not None:
            value = f"b-{value}"
        if name == "assignee" and not value:
            value = NOBODY
        if value:
            counted[str(value)] += row["waiting"]
    return dict(counted.most_common())
