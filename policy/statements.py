"""Cedar text as its single rules with their lines: the parser itself does not say where an error is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_TOKENS: Final = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"|;|\n|.', re.DOTALL)


class Statement(NamedTuple):
    """The text of one rule, and the line (from 1) on which it begins. `ended`: it has its semicolon."""

    line: int
    text: str
    ended: bool


def statements(text: str) -> Iterator[Statement]:
    """The rules of a file in their order; comments belong to no rule."""
    line, begins, parts = 1, 0, []
    for found in _TOKENS.finditer(text):
        piece = found.group()
        if piece.startswith("//"):
            continue
        if not begins and not piece.isspace():
            begins = line
        if begins:
            parts.append(piece)
        line += piece.count("\n")
        if piece == ";":
            yield Statement(begins, "".join(parts), True)
            begins, parts = 0, []
    if begins:
        yield Statement(begins, "".join(parts), False)
