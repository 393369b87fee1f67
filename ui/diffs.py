"""What changed between two texts, line by line and within a line word by word. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ui.markup import Html, element, joined

LONGEST: Final = 200_000
"""Characters of a text that is still compared; longer ones take seconds."""
_AROUND: Final = 2
_PIECE: Final = re.compile(r"\w+|\s+|[^\w\s]")


class Diff(NamedTuple):
    """`lines`: how many differ."""

    html: Html
    lines: int


def diff(before: str, after: str) -> Diff | None:
    """What became of `before`; None when the texts are too long to compare."""
    if max(len(before), len(after)) > LONGEST:
        return None
    old, new = before.splitlines(), after.splitlines()
    groups = list(difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_AROUND))
    rows = [row for group in groups for row in [*_group(group, old, new), _row("gap", "⋯")]][:-1]
    return Diff(element("div", *rows, css="diff"), _changed(groups))


def _changed(groups: Sequence[Sequence[tuple[str, int, int, int, int]]]) -> int:
    return sum(max(b - a, d - c) for group in groups for kind, a, b, c, d in group if kind != "equal")


def _group(group: Sequence[tuple[str, int, int, int, int]], old: list[str], new: list[str]) -> Iterator[Html]:
    for kind, a, b, c, d in group:
        if kind == "equal":
            yield from (_row("same", line) for line in old[a:b])
        elif kind == "replace" and b - a == d - c:
            for was, now in zip(old[a:b], new[c:d], strict=True):
                gone, come = _words(was, now)
                yield _row("gone", gone)
                yield _row("come", come)
        else:
            yield from (_row("gone", line) for line in old[a:b])
            yield from (_row("come", line) for line in new[c:d])


def _words(was: str, now: str) -> tuple[Html, Html]:
    one, other = _PIECE.findall(was), _PIECE.findall(now)
    gone, come = list[Html](), list[Html]()
    for kind, a, b, c, d in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        left, right = "".join(one[a:b]), "".join(other[c:d])
        gone.append(joined(left) if kind == "equal" else element("del", left))
        come.append(joined(right) if kind == "equal" else element("ins", right))
    return joined(*gone), joined(*come)


def _row(css: str, line: str) -> Html:
    mark = {"gone": "−", "come": "+"}.get(css, " ")
    return element("div", element("span", mark, css="mark", aria_hidden="true"), element("span", line or " "), css=css)
