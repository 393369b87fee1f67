"""Loads queries.sql: each query has a name and a line that says what it is for."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Final

_NAME: Final = re.compile(r"^-- ([a-z_]+): .+$", re.MULTILINE)


@cache
def _queries() -> dict[str, bytes]:
    text = resources.files("store").joinpath("queries.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    return {name: body.strip().encode() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


_OPTIONAL: Final = re.compile(rb"--optional\n.*?--required\n", re.DOTALL)


@cache
def shortened(name: str) -> bytes:
    """The SQL called `name` without what is between its marks: for the many times when that has nothing to do, and
    would cost the server a quarter of the statement all the same."""
    return _OPTIONAL.sub(b"\n", query(name))


def query(name: str) -> bytes:
    """The SQL called `name`. Raises KeyError for a name that is not in the file."""
    return _queries()[name]
