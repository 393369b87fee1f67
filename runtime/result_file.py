"""Reads a file of results that came later: CSV, one result a line. What is wrong with a line is said by its number."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from core.canonical import sha256, storable_text
from core.errors import BadInput
from core.vocabulary import Reason, Verdict, members

COLUMNS: Final = (
    "thread", "site", "slug", "task_type", "verdict", "reason", "better", "metric", "value", "measured_at",
)  # fmt: skip
_MOST_BYTES: Final = 50_000_000
_LONGEST: Final = 300
"""Characters of one cell."""
_YES: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Result:
    """One line. The thread is named by `thread`, or by `site` and `slug`: the newest one of that page."""

    thread: str
    site: str
    slug: str
    task_type: str | None
    verdict: Verdict | None
    reason: Reason | None
    better: bool | None
    metric: str | None
    value: float | None
    measured_at: datetime | None

    @property
    def key(self) -> str:
        """The same result again has the same key, whatever line of whatever file it is."""
        at = None if self.measured_at is None else self.measured_at.timestamp()
        return sha256({**asdict(self), "measured_at": at})


class Skipped(NamedTuple):
    """A line that is left out, and why."""

    line: int
    reason: str


def read_results(path: Path) -> Iterator[tuple[int, Result] | Skipped]:
    """(line, result) or what is wrong with the line. Raises BadInput for a file that is no list of results."""
    rows = csv.DictReader(io.StringIO(_text(path), newline=""), restkey="", strict=True)
    try:
        names = [str(name).strip().lower() for name in rows.fieldnames or ()]
        _refuse_columns(names, path)
        rows.fieldnames = names
        for cells in rows:
            if any(cells.values()):
                yield _read(rows.line_num, cells)
    except csv.Error as error:
        raise BadInput(f"{path}, line {rows.line_num + 1}: it is not CSV ({error}).") from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise BadInput(f"{path} is larger than {_MOST_BYTES // 1_000_000} MB; split it.")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text (byte {error.start}).") from None


def _refuse_columns(names: list[str], path: Path) -> None:
    if "thread" not in names and not {"site", "slug"} <= set(names):
        raise BadInput(
            f"{path} needs a column thread, or site and slug, in its first line. Known: {', '.join(COLUMNS)}."
        )
    if twice := {name for name in names if name in COLUMNS and names.count(name) > 1}:
        raise BadInput(f"{path} has the column {min(twice)} twice.")


def _read(line: int, cells: Mapping[str, Any]) -> tuple[int, Result] | Skipped:
    try:
        said = {name: _cell(cells.get(name), name) for name in COLUMNS}
        result = Result(
            thread=said["thread"],
            site=said["site"],
            slug=said["slug"],
            task_type=said["task_type"] or None,
            verdict=_word(said["verdict"], members(Verdict), "verdict"),
            reason=_word(said["reason"], members(Reason), "reason"),
            better=_yes(said["better"]),
            metric=said["metric"] or None,
            value=_number(said["value"]),
            measured_at=_time(said["measured_at"]),
        )
        _refuse_empty(result)
    except BadInput as error:
        return Skipped(line, str(error))
    return line, result


def _cell(value: Any, name: str) -> str:
    text = storable_text(str(value or "").strip())
    if len(text) > _LONGEST:
        raise BadInput(f"{name} is longer than {_LONGEST} characters")
    return text


def _word(said: str, words: tuple[str, ...], name: str) -> Any:
    word = said.lower()
    if word and word not in words:
        raise BadInput(f"{name} {said!r} is not one of {', '.join(words)}")
    return word or None


def _yes(said: str) -> bool | None:
    if said and said.lower() not in _YES:
        raise BadInput(f"better {said!r} is neither yes nor no")
    return _YES.get(said.lower())


def _number(said: str) -> float | None:
    try:
        value = float(said) if said else None
    except ValueError:
        value = math.nan
    if value is not None and not math.isfinite(value):
        raise BadInput(f"value {said!r} is not a number")
    return value


def _time(said: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(said) if said else None
    except ValueError:
        raise BadInput(f"measured_at {said!r} is not a time like 2026-11-21T09:00+00:00") from None
    return None if at is None else at.astimezone()


def _refuse_empty(result: Result) -> None:
    if not result.thread and not (result.site and result.slug):
        raise BadInput("it names neither a thread nor a site and slug")
    if result.verdict is None and result.better is None and result.metric is None:
        raise BadInput("it says nothing: give a verdict, better, or a metric with a value")
    if (result.metric is None) != (result.value is None):
        raise BadInput("a metric needs a value, and a value a metric")
    if result.reason is not None and result.verdict in (None, "right"):
        raise BadInput("a reason goes with the verdict wrong or unclear")
