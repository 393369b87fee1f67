"""What became of the agent's proposals, and what was said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from runtime import inbox
from store.outcomes import OutcomeStore
from ui.application import with_application
from ui.frame import told
from ui.markup import element, link_to_thread, put
from ui.tables import bars, download, table
from ui.words import REASONS, moment, spaced

_LOOKED_AT: Final = 5_000
_SHOWN: Final = 100


def show() -> None:
    from runtime.results import EXPORTED

    put(element("h1", "Outcomes"))
    with told():
        rows = with_application(lambda app: OutcomeStore(app.pool).newest(None, None, _LOOKED_AT))
        if not rows:
            put(element("p", "Nothing was decided yet.", css="quiet"))
            return
        put(_right(rows))
        types = inbox.options([dict(row) | {"waiting": 1} for row in rows], "task_type")
        chosen = st.selectbox("Task type", list(types), None, key="outcome-type", placeholder="every type", width=260)
        listed = [row for row in rows if chosen is None or row["task_type"] == chosen]
        download("outcomes", EXPORTED, listed)
        put(table(("when", "task type", "for", "score", "what happened", "verdict", "by"), map(_row, listed[:_SHOWN])))
        if len(listed) > _SHOWN:
            put(element("p", f"{_SHOWN} of {len(listed):,}; the others are in the file.", css="quiet"))


def _right(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Of what was looked at, how much was right; a bar for each task type."""
    judged: dict[str, list[bool]] = {}
    for row in rows:
        if row["verdict"]:
            judged.setdefault(row["task_type"], []).append(row["verdict"] == "right")
    shares = {name: sum(each) / len(each) for name, each in judged.items()}
    said = {name: f"{sum(each):,} of {len(each):,}" for name, each in judged.items()}
    newest = f"the newest {_LOOKED_AT:,}" if len(rows) == _LOOKED_AT else f"all {len(rows):,}"
    return bars(shares, said, f"Right as proposed, of what people looked at; from {newest} outcomes.", most=1.0)


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    score = "" if row["score"] is None else f"{row['score']:.2f}"
    audit = ", to be audited" if row["audited"] and row["verdict"] is None else ""
    happened = f"ran alone{audit}" if row["alone"] else spaced(str(row["answer"]))
    reason = f", {REASONS.get(row['reason_code'], row['reason_code'])}" if row["reason_code"] else ""
    verdict = f"{row['verdict']}{reason}" if row["verdict"] else "not looked at"
    subject = link_to_thread(row["thread_id"], row["subject"])
    who = row["judged_by"] or row["actor"]
    return moment(row["at"])[5:16], row["task_type"], subject, score, happened, verdict, who
