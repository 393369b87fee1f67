"""Tables and bars of our own making: they fold on a phone, and cost no package. And the same rows as a file."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from runtime.csv_file import write_csv
from ui.markup import Html, element


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> Html:
    """Rows under their columns; on a phone each cell bears its column's name, and an empty one is left out."""
    head = element("thead", element("tr", *(element("th", name, scope="col") for name in columns)))
    body = element("tbody", *(element("tr", *_cells(columns, row)) for row in rows))
    below = (element("caption", caption),) if caption else ()
    return element("table", *below, head, body, css="grid")


def _cells(columns: Sequence[str], row: Sequence[str]) -> list[Html]:
    return [
        element("td", cell, data_label=name, css="" if cell else "none")
        for name, cell in zip(columns, row, strict=True)
    ]


def download(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """The same rows as a CSV file, which is written when somebody wants it."""

    def written() -> str:
        file = io.StringIO()
        write_csv(columns, rows, file)
        return file.getvalue()

    st.download_button(
        "Download as CSV", written, f"{name}.csv", "text/csv", key=f"csv-{name}", on_click="ignore", disabled=not rows
    )


def bars(values: Mapping[str, float], shown: Mapping[str, str], caption: str, most: float | None = None) -> Html:
    """One bar a row. `shown`: each value in words. `most`: of a full bar; else the largest."""
    full = max(values.values(), default=0.0) if most is None else most
    rows = [measured(label, value / full if full else 0.0, shown[label]) for label, value in values.items()]
    return element("table", element("caption", caption), element("tbody", *rows), css="score bars")


def over_time(label: str, values: Sequence[float], said: str, low: float, css: str = "") -> Html:
    """A row with a column for each value of 0..1, oldest left; those at `low` or below stand out."""
    columns = (
        element("i", style=f"height:{max(value, 0.03):.0%}", css="" if value > low else "low") for value in values
    )
    return element(
        "tr",
        element("th", label, scope="row"),
        element("td", element("span", *columns, css="course", aria_hidden="true")),
        element("td", said, css="number"),
        css=css,
    )


def measured(label: str, share: float, said: str, threshold: float | None = None, css: str = "") -> Html:
    """A row with a bar, filled to `share` of 1, and a mark at the threshold."""
    mark = element("i", style=f"left:{threshold:.0%}") if threshold is not None else ""
    filled = element("span", style=f"width:{min(max(share, 0.0), 1.0):.0%}")
    return element(
        "tr",
        element("th", label, scope="row"),
        element("td", element("span", filled, mark, css="bar", aria_hidden="true")),
        element("td", said, css="number"),
        css=css,
    )
