"""One thread: what it did and why, its checkpoints, the same once more, and the packet for whoever has to act on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from core.errors import AutonomyError
from core.events import ChainedEvent, first_break
from core.lifecycle import ENDED
from runtime.timeline import in_words, proposals
from ui import checkpoints, handing_over, places, reading, replaying
from ui.application import with_application
from ui.frame import told
from ui.markup import Html, element, notice, put
from ui.visitor import person
from ui.words import moment, spaced

PARTS: Final = ("Timeline", "Checkpoints", "Replay", "Packet")


def show() -> None:
    with told():
        row = reading.thread(st.query_params.get("id", "").strip())
        live = None if row["status"] in ENDED else 2
        st.fragment(_top, run_every=live)(row["id"])
        if row["status"] not in ENDED:
            _stopping(row["id"])
        with told():
            _part(row, live)


def _part(row: Mapping[str, Any], live: int | None) -> None:
    asked = st.query_params.get("part", "").title()
    part = st.segmented_control(
        "Part of the record", PARTS, default=asked if asked in PARTS else PARTS[0], required=True,
        key=f"part-{row['id']}", label_visibility="collapsed",
    )  # fmt: skip
    if part == "Checkpoints":
        checkpoints.show(row)
    elif part == "Replay":
        replaying.show(row)
    elif part == "Packet":
        handing_over.packet(row)
    else:
        st.fragment(_events, run_every=live)(row["id"], row["tenant"])


def _top(thread_id: str) -> None:
    with told():
        row = reading.thread(thread_id)
        put(_head(row))
        for review in reading.open_reviews(thread_id):
            places.link_to_review(review["number"], f"Waits for you: review r-{review['number']}")


def _stopping(thread_id: str) -> None:
    """A way to end the thread, behind a second click."""
    with st.popover("Stop this thread", key=f"stopping-{thread_id}"):
        put(element("p", "It ends for good, before its next step; what it asks of people is withdrawn."))
        st.text_input("Why? It is kept with the stop.", key=f"stop-why-{thread_id}", max_chars=500)
        st.button("Stop it for good", type="primary", key=f"stop-{thread_id}", on_click=_stop, args=(thread_id,))
    if problem := st.session_state.pop(f"stop-refused-{thread_id}", None):
        notice(problem, "error")


def _stop(thread_id: str) -> None:
    from runtime import threads

    why, who = str(st.session_state.get(f"stop-why-{thread_id}") or ""), person()
    try:
        with_application(lambda app: threads.stop(app, thread_id, who, why))
    except AutonomyError as error:
        st.session_state[f"stop-refused-{thread_id}"] = str(error)


def _events(thread_id: str, tenant: str) -> None:
    with told():
        events = reading.timeline(thread_id)
        if (broken := first_break(events)) is not None:
            notice(f"The chain of events is broken at #{broken}: something was changed or removed.", "error")
        put(_timeline(events, reading.artifacts(tenant, proposals(events))))


def _head(row: Mapping[str, Any]) -> Html:
    status = element("span", spaced(row["status"]), css=f"status {row['status']}")
    reason = f"ended: {row['ending']['reason']}" if row["ending"] and row["ending"].get("reason") else ""
    copied = f"copy of {row['fork']['from']} from step {row['fork']['step']}" if row.get("fork") else ""
    about = [f"thread {row['id']}", copied, row["tenant"], row["model"], f"started {moment(row['created_at'])}", reason]
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
