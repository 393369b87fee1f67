"""The review page: everything a person needs to decide, then the decision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from core.errors import DatabaseUnavailable
from core.reviews import unreadable
from runtime.arguments import as_yaml
from runtime.people import review_number
from ui import answering, claiming, drafts, proposal, reading, texts, why, writing
from ui.frame import say, told
from ui.markup import Html, element, notice, put
from ui.visitor import me
from ui.words import TIERS, due, spaced, waits


def show() -> None:
    with told():
        _review(_read(review_number(st.query_params.get("id", ""))))


def _read(number: int) -> reading.Row:
    """The review; while the database is gone, as it was last seen, so that what was typed is not lost."""
    seen = f"review-{number}"
    try:
        st.session_state[seen] = reading.review(number)
    except DatabaseUnavailable as error:
        if seen not in st.session_state:
            raise
        say(error)
    row: reading.Row = st.session_state[seen]
    return row


def _review(review: Mapping[str, Any]) -> None:
    put(_head(review))
    if strange := unreadable(review["request"]):
        notice(f"This release cannot decide on this review: {strange}. Here it is as it was stored.", "error")
        st.code(json.dumps(review["request"], indent=2, ensure_ascii=False), language=None, wrap_lines=True)
        return
    mine = _opened(review)
    if review["state"] != "open":
        answering.decision(review)
    else:
        claiming.watch(review)
    left, right = st.columns(2, gap="large")
    with left:
        put(proposal.proposed(review))
        if arguments := review["request"]["action_requests"][0]["args"]:
            put(element("h2", "Exact arguments", css="over-code"))
            st.code(as_yaml(arguments), language=None, wrap_lines=True)
    with right:
        why.show(review)
        put(proposal.claims(review["request"]))
    with told():
        texts.show(review)
    put(proposal.evidence(review["request"]["evidence"]))
    if review["state"] == "open":
        answering.ask(review, mine)
        st.html(drafts.PAUSE, unsafe_allow_javascript=True)


def _opened(review: Mapping[str, Any]) -> bool:
    """Claim it when it is first looked at. Whether it is the visitor's to decide now."""
    number, person = review["number"], me().name
    if review["state"] != "open":
        return False
    try:
        if f"opened-{number}" not in st.session_state:
            writing.seen(person, number)
            st.session_state[f"opened-{number}"] = True
            return writing.claim(person, number)
    except DatabaseUnavailable:
        return True
    until = review["claimed_until"]
    return review["claimed_by"] == person or until is None or until < datetime.now(UTC)


def _head(review: Mapping[str, Any]) -> Html:
    now = datetime.now(UTC)
    waiting = waits(review["opened_at"], now) if review["state"] == "open" else spaced(review["state"])
    about = [f"review r-{review['number']}", review["tenant"], f"thread {review['thread_id']}", waiting]
    if review["state"] == "open":
        by = review["due_at"] or review["opened_at"] + timedelta(hours=reading.settings().review_due_hours)
        about.append(due(by, now))
    if review["kind"] != "action":
        about.insert(1, spaced(review["kind"]))
    if review["batch"]:
        about.insert(1, f"batch b-{review['batch']}")
    if review["assignee"]:
        about.append(f"asked of {review['assignee']}")
    title = element("h1", f"{review['task_type']} · {review['subject']}")
    tier = element("span", TIERS[review["tier"]], css=f"status {review['tier']}") if review["tier"] in TIERS else ""
    return element("header", title, element("p", " · ".join(about), " ", tier, css="quiet"))
