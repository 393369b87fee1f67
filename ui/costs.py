"""What model calls have cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from runtime import costs
from ui.application import with_application
from ui.frame import told
from ui.markup import element, link_to_thread, put
from ui.tables import bars, download, table
from ui.words import spaced

BY: Final[Mapping[costs.By, str]] = {"day": "by day", "keyword": "by keyword", "thread": "by thread"}
_LISTED: Final = 200
_FIGURES: Final = (
    "calls", "failed", "input_tokens", "output_tokens", "cost", "unpriced", "seconds", "latency_p50_ms",
)  # fmt: skip


def show() -> None:
    put(element("h1", "Costs"))
    with told():
        by: costs.By = st.segmented_control(
            "Rows", list(BY), format_func=BY.__getitem__, default="day", required=True, key="costs-by",
            label_visibility="collapsed",
        )  # fmt: skip
        rows = with_application(lambda app: costs.costs(app.pool, by, limit=_LISTED))
        if not rows:
            put(element("p", "No model was asked yet.", css="quiet"))
            return
        if by == "day":
            put(_days(rows[:31]))
        download(f"costs-by-{by}", (*costs.NAMED[by], *_FIGURES), rows)
        columns = (*map(spaced, costs.NAMED[by]), "calls", "failed", "tokens in", "tokens out", "cost", "time", "p50")
        put(table(columns, [_row(by, row) for row in rows]))
        if any(row["unpriced"] for row in rows):
            put(element("p", "A cost with a + leaves out calls whose price is not known.", css="quiet"))


def _days(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Money by day, where any is known; tokens where none is."""
    if any(row["cost"] for row in rows):
        money = {str(row["day"]): float(row["cost"] or 0.0) for row in rows}
        return bars(money, {str(row["day"]): _money(row) for row in rows}, "Cost by day.")
    price = "no price is known" if all(row["cost"] is None for row in rows) else "they cost nothing"
    tokens = {str(row["day"]): row["input_tokens"] + row["output_tokens"] for row in rows}
    return bars(tokens, {day: f"{count:,}" for day, count in tokens.items()}, f"Tokens by day; {price}.")


def _money(row: Mapping[str, Any]) -> str:
    return "unknown" if row["cost"] is None else f"${row['cost']:.4f}{'+' if row['unpriced'] else ''}"


def _row(by: costs.By, row: Mapping[str, Any]) -> tuple[str, ...]:
    tokens = f"{row['input_tokens']:,}", f"{row['output_tokens']:,}"
    times = f"{row['seconds']:.1f} s", f"{row['latency_p50_ms']:.0f} ms"
    named = [str(row[name]) for name in costs.NAMED[by]]
    if by == "thread":
        named[0] = link_to_thread(named[0], named[0])
    return (*named, str(row["calls"]), str(row["failed"]), *tokens, _money(row),
            *times)  # fmt: skip
