"""Rows as CSV. No cell can be taken for a formula by the spreadsheet that opens it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any, Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes the beginning of a formula to be."""


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], file: IO[str]) -> None:
    """A line of names, then those columns of each row; objects and lists as JSON."""
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([[_cell(row[name]) for name in columns] for row in rows])


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list | tuple):
        value = json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
