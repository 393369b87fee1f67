"""The threads, newest first, kept up to date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from ui import places, reading
from ui.frame import framed, told
from ui.markup import Html, element, put
from ui.words import moment, spaced


def show() -> None:
    put(element("h1", "Threads"))
    _threads()


@st.fragment(run_every=2)
def _threads() -> None:
    with told():
        rows = reading.threads()
        if not rows:
            put(element("p", 'No threads yet. Start one: autonomy run "crm for startups"', css="quiet"))
        if len(rows) > reading.LISTED:
            put(element("p", f"The newest {reading.LISTED}; older ones: autonomy threads --limit 1000", css="quiet"))
        for row in rows[: reading.LISTED]:
            _row(row)


def _row(row: Mapping[str, Any]) -> None:
    with framed(f"row-{row['thread_id']}"):
        put(_summary(row))
        if st.button("Open", key=f"open-{row['thread_id']}"):
            st.switch_page(places.thread(), query_params={"id": row["thread_id"]})


def _summary(row: Mapping[str, Any]) -> Html:
    reason = f": {row['ending']['reason']}" if row["ending"] and row["ending"].get("reason") else ""
    about = [f"thread {row['thread_id']}", row["tenant"], row["model"], f"started {moment(row['created_at'])}"]
    status = element("span", spaced(row["status"]), css=f"status {row['status']}")
    said = element("p", " · ".join(about) + reason, css="quiet")
    return element("div", element("p", row["subject"], " ", status, css="subject"), said, css="summary")
