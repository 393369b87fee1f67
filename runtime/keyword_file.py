"""Reads a file of keywords: CSV as spreadsheets and people write it, one row at a time.

A row that cannot be used is a `Skipped` with its line and the reason; a file that cannot be a list of keywords is
BadInput. Nothing here knows what a profile is or which keywords are known.
"""

from __future__ import annotations

import codecs
import csv
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Final, NamedTuple

from core.errors import BadInput
from domains.seo.keyword import check_locale, clean_keyword

COLUMNS: Final = ("keyword", "locale", "profile", "priority", "due")
DELIMITERS: Final = (",", ";", "\t", "|")
PRIORITIES: Final = range(-100, 101)
"""Higher first; 0 when the file says nothing."""
LONGEST_LINE: Final = 100_000
"""Characters of one line, and of one row with line breaks in it."""
MOST_LINES: Final = 20
"""Lines of one row. A quote that is still open after so many was never meant to span them."""
_BLOCK: Final = 1 << 16


class Row(NamedTuple):
    """What one line asks for, cleaned. `profile` is as written, empty for the default; `due` has a time zone."""

    line: int
    keyword: str
    locale: str
    profile: str
    priority: int
    due: datetime | None


class Skipped(NamedTuple):
    """A line that is left out, and why, in words that follow "line 17: "."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class KeywordFile:
    """An open file: `ignored` names the columns that mean nothing here; `rows` can be read once."""

    ignored: tuple[str, ...]
    rows: Iterator[Row | Skipped]


@contextmanager
def open_keywords(path: Path, locale: str) -> Iterator[KeywordFile]:
    """The keywords of a file; `locale` is for rows that name none. Raises BadInput when it cannot be a list of them."""
    try:
        file = _rewindable(path)
        encoding = _encoding(file, path)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
    with TextIOWrapper(file, encoding=encoding, newline="") as text:
        yield _read(text, path, locale)


def _rewindable(path: Path) -> IO[bytes]:
    """The file, which is read twice: once for its encoding. A pipe is copied to disk first."""
    given = path.open("rb")
    if given.seekable():
        return given
    with given:
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whoever reads it
        shutil.copyfileobj(given, copy)
    copy.seek(0)
    return copy


def _encoding(file: IO[bytes], path: Path) -> str:
    """UTF-8, or UTF-16 where a mark says so; the whole file is held against it before a row is used."""
    start = file.read(3)
    utf_16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if utf_16 else "utf-8-sig"
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        while block := file.read(_BLOCK):
            if "\0" in decoder.decode(block):
                raise BadInput(f"{path} is not text; save the sheet as CSV (UTF-8).")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        kind = "UTF-16" if utf_16 else "UTF-8"
        raise BadInput(f"{path} is not {kind} text; save the sheet as CSV (UTF-8).") from None
    file.seek(0)
    return encoding


def _read(text: TextIOWrapper, path: Path, locale: str) -> KeywordFile:
    lines = _Lines(text)
    delimiter, header = _header(lines, path)
    places: dict[str, int] = {name: header.index(name) for name in COLUMNS if name in header}
    ignored = tuple(name for name in header if name and name not in COLUMNS)
    return KeywordFile(ignored, _rows(lines, delimiter, places, locale))


def _header(lines: _Lines, path: Path) -> tuple[str, list[str]]:
    """The delimiter and the column names in lower case, from the first line that says anything."""
    for _, line in lines:
        # Spreadsheets write sep=; above the header to tell each other.
        if line is None or not line.strip() or re.fullmatch(r"sep=.", line.strip(), re.IGNORECASE):
            continue
        headers = {delimiter: _names(line, delimiter) for delimiter in DELIMITERS}
        delimiter = max(DELIMITERS, key=lambda each: ("keyword" in headers[each], len(headers[each])))
        names = headers[delimiter]
        if "keyword" not in names:
            raise BadInput(f'{path} has no column "keyword"; its first line is {line.strip()[:60]!r}.')
        if twice := [name for name in COLUMNS if names.count(name) > 1]:
            raise BadInput(f'{path} has the column "{twice[0]}" more than once.')
        return delimiter, names
    raise BadInput(f'{path} is empty; it needs a first line with the column "keyword", then a keyword a line.')


def _names(line: str, delimiter: str) -> list[str]:
    return [name.strip().lower() for name in _fields(line, delimiter)]


def _rows(lines: _Lines, delimiter: str, places: Mapping[str, int], locale: str) -> Iterator[Row | Skipped]:
    for number, record in _records(lines, delimiter):
        if isinstance(record, Skipped):
            yield record
            continue
        fields = _fields(record, delimiter)
        if not any(field.strip() for field in fields):
            continue
        given = {name: fields[place].strip() if place < len(fields) else "" for name, place in places.items()}
        try:
            yield _row(number, given, locale)
        except BadInput as error:
            yield Skipped(number, _in_a_sentence(str(error)))


def _in_a_sentence(reason: str) -> str:
    return reason[:1].lower() + reason[1:].rstrip(".")


def _row(line: int, given: Mapping[str, str], locale: str) -> Row:
    if not given["keyword"]:
        raise BadInput("the keyword is empty")
    return Row(
        line,
        clean_keyword(given["keyword"]),
        check_locale(given.get("locale") or locale),
        given.get("profile", ""),
        _priority(given.get("priority", "")),
        _due(given.get("due", "")),
    )


def _priority(text: str) -> int:
    if not text:
        return 0
    if not re.fullmatch(r"[+-]?[0-9]{1,4}", text) or int(text) not in PRIORITIES:
        raise BadInput(f"the priority {text[:20]!r} is not a whole number from {PRIORITIES[0]} to {PRIORITIES[-1]}")
    return int(text)


def _due(text: str) -> datetime | None:
    """A date means the end of that day; a time without a zone is one of this machine's."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        if len(text) <= len("2026-12-01"):
            at = datetime.combine(at.date(), time(23, 59, 59))
        return at.astimezone()
    except (ValueError, OverflowError):
        raise BadInput(f"due {text[:30]!r} is not a date or a time such as 2026-12-01 or 2026-12-01T17:00") from None


def _fields(record: str, delimiter: str) -> list[str]:
    return next(csv.reader([record], delimiter=delimiter), [])


def _records(lines: _Lines, delimiter: str) -> Iterator[tuple[int, str | Skipped]]:
    """Rows with the line they start on. A quoted field may span lines; one that never ends costs its own line only."""
    whole = _whole_record(delimiter)
    for number, line in lines:
        if line is None:
            yield number, Skipped(number, f"the line is longer than {LONGEST_LINE:,} characters")
            continue
        record, taken = line, []
        while '"' in record and not whole.fullmatch(record.rstrip("\r\n")):
            _, further = following = next(lines, (0, None))
            taken.append(following)
            if further is None or len(taken) >= MOST_LINES or len(record) + len(further) > LONGEST_LINE:
                lines.push_back([each for each in taken if each[0]])
                yield number, Skipped(number, "a quoted field does not end as it should")
                break
            record += further
        else:
            yield number, record


def _whole_record(delimiter: str) -> re.Pattern[str]:
    """Matches a row none of whose quoted fields is still open. A quote inside an unquoted field is a quote: 24" tv."""
    end = re.escape(delimiter)
    field = rf'(?:"(?:[^"]|"")*+" *|[^"{end}][^{end}]*|)'
    return re.compile(f"{field}(?:{end}{field})*")


class _Lines:
    """Numbered lines, endings kept, that can be pushed back. A line that is too long is None and is read past."""

    def __init__(self, text: TextIOWrapper) -> None:
        self._text = text
        self._number = 0
        self._waiting: list[tuple[int, str | None]] = []

    def __iter__(self) -> Iterator[tuple[int, str | None]]:
        return self

    def __next__(self) -> tuple[int, str | None]:
        if self._waiting:
            return self._waiting.pop()
        line = self._text.readline(LONGEST_LINE + 1)
        if not line:
            raise StopIteration
        self._number += 1
        if len(line) <= LONGEST_LINE:
            return self._number, line
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(LONGEST_LINE)
        return self._number, None

    def push_back(self, lines: Sequence[tuple[int, str | None]]) -> None:
        self._waiting += reversed(lines)
