"""The inbox: what waits for people, newest first, kept up to date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from ui import places, reading
from ui.frame import framed, told
from ui.markup import Html, element, put
from ui.words import spaced, waits


def show() -> None:
    _waiting()


@st.fragment(run_every=2)
def _waiting() -> None:
    with told():
        rows = reading.inbox()
        put(_heading(len(rows)))
        for row in rows[: reading.LISTED]:
            _row(row)


def _heading(count: int) -> Html:
    if count == 0:
        said = element("p", "Nothing waits for you. What needs a person appears here by itself.", css="quiet")
        return element("div", element("h1", "Inbox"), said)
    waiting = f"{count} wait" if count > 1 else "1 waits"
    more = f"The newest {reading.LISTED} of more than {reading.LISTED} that wait"
    said = element("p", f"{waiting} for you" if count <= reading.LISTED else more, css="quiet")
    return element("div", element("h1", "Inbox"), said)


def _row(row: Mapping[str, Any]) -> None:
    with framed(f"row-{row['number']}"):
        put(_summary(row))
        if st.button(f"Open r-{row['number']}", key=f"open-{row['number']}"):
            st.switch_page(places.review(), query_params={"id": f"r-{row['number']}"})


def _summary(row: Mapping[str, Any]) -> Html:
    asked = row["request"]["action_requests"][0]
    about = " · ".join([row["task_type"], row["tenant"], waits(row["opened_at"], datetime.now(UTC))])
    if row["kind"] != "action":
        about = f"{spaced(row['kind'])} · {about}"
    return element(
        "div",
        element("p", row["subject"], css="subject"),
        element("p", about, css="quiet"),
        element("p", asked["description"], css="clamped"),
        css="summary",
    )
