"""One thread: what it did and why, kept up to date while it is not over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.events import ChainedEvent, first_break
from core.lifecycle import ENDED
from runtime.timeline import in_words, proposals
from ui import places, reading
from ui.frame import told
from ui.markup import Html, element, notice, put
from ui.words import moment, spaced


def show() -> None:
    with told():
        row = reading.thread(st.query_params.get("id", "").strip())
        st.fragment(_thread, run_every=None if row["status"] in ENDED else 2)(row["id"])


def _thread(thread_id: str) -> None:
    with told():
        row = reading.thread(thread_id)
        put(_head(row))
        for review in reading.open_reviews(thread_id):
            places.link_to_review(review["number"], f"Waits for you: review r-{review['number']}")
        events = reading.timeline(thread_id)
        if (broken := first_break(events)) is not None:
            notice(f"The chain of events is broken at #{broken}: something was changed or removed.", "error")
        put(_timeline(events, reading.artifacts(row["tenant"], proposals(events))))


def _head(row: Mapping[str, Any]) -> Html:
    status = element("span", spaced(row["status"]), css=f"status {row['status']}")
    reason = f"ended: {row['ending']['reason']}" if row["ending"] and row["ending"].get("reason") else ""
    about = [f"thread {row['id']}", row["tenant"], row["model"], f"started {moment(row['created_at'])}", reason]
    said = " · ".join(part for part in about if part)
    return element("header", element("h1", row["subject"], " ", status), element("p", said, css="quiet"))


def _timeline(events: Sequence[ChainedEvent], texts: Mapping[str, str]) -> Html:
    head = element("thead", element("tr", *(element("th", name, scope="col") for name in ("#", "when", "what", "why"))))
    return element("table", head, element("tbody", *(_event(stored, texts) for stored in events)), css="timeline")


def _event(stored: ChainedEvent, texts: Mapping[str, str]) -> Html:
    what, why = in_words(stored, texts)
    return element(
        "tr",
        element("td", str(stored.seq), css="number"),
        element("td", f"{stored.at.astimezone():%H:%M:%S}", title=moment(stored.at), css="number"),
        element("td", what, css="what"),
        element("td", why),
        css=stored.kind,
    )
