"""What a measurement says: figures beside their targets and peers, and the tables they are shown in. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Target:
    """A promise about a figure."""

    bound: Literal["at most", "at least"]
    value: float

    def kept(self, value: float) -> bool:
        return value <= self.value if self.bound == "at most" else value >= self.value


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `peer` says in words what it stands beside; no target: it is only reported."""

    name: str
    value: float
    unit: str
    target: Target | None = None
    peer: str = ""

    @property
    def verdict(self) -> str:
        if self.target is None:
            return "–"
        return "ok" if self.target.kept(self.value) else "missed"


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark: how it was measured, and its figures. `notes` are sentences."""

    title: str
    notes: tuple[str, ...]
    figures: tuple[Figure, ...]

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Report:
        """The inverse of dataclasses.asdict."""
        figures = [
            Figure(**{**figure, "target": Target(**figure["target"]) if figure["target"] else None})
            for figure in said["figures"]
        ]
        return cls(said["title"], tuple(said["notes"]), tuple(figures))


def at_most(value: float) -> Target:
    return Target("at most", value)


def at_least(value: float) -> Target:
    return Target("at least", value)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: a value that was really measured. `share` is 0..1; `values` must not be empty."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def shown(value: float, unit: str) -> str:
    """A number with its unit, to three significant digits below a thousand."""
    if abs(value) >= 1000:
        number = f"{value:,.0f}"
    else:
        number = f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}" if abs(value) >= 0.001 else f"{value:g}"
    return f"{number} {unit}".strip()


def markdown(report: Report) -> str:
    """The report as a section of a page."""
    lines = [f"## {report.title}", "", *report.notes, ""]
    lines += ["| figure | measured | target | verdict | beside |", "|---|---:|---:|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in map(_row, report.figures)]
    return "\n".join(lines)


def table(report: Report) -> str:
    """The report for a terminal."""
    rows = [("figure", "measured", "target", "verdict", "beside"), *map(_row, report.figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([report.title, *report.notes, *lines])


def _row(figure: Figure) -> tuple[str, str, str, str, str]:
    target = f"{figure.target.bound} {shown(figure.target.value, figure.unit)}" if figure.target else ""
    return (figure.name, shown(figure.value, figure.unit), target, figure.verdict, figure.peer)
