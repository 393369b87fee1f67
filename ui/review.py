"""The review page: everything a person needs to decide, then the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from core.errors import DatabaseUnavailable
from runtime.arguments import as_yaml
from runtime.people import review_number
from ui import answering, reading
from ui.frame import say, told
from ui.markup import Html, element, joined, put, section
from ui.words import PARTS, TRUST, compared, policy, spaced, waits

_POINTER = "_sha256"
"""How the name of an argument ends that holds the hash of a text."""
_HEADINGS = {
    "action": "Proposed",
    "question": "The agent asks",
    "conflict": "What is true?",
    "blocker": "What is in the way",
}


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
    if review["state"] != "open":
        answering.decision(review)
    left, right = st.columns(2, gap="large")
    with left:
        put(_proposed(review))
        if arguments := review["request"]["action_requests"][0]["args"]:
            put(element("h2", "Exact arguments", css="over-code"))
            st.code(as_yaml(arguments), language=None, wrap_lines=True)
    with right:
        put(_why(review["request"]))
    put(_evidence(review["request"]["evidence"]))
    _texts(review)
    if review["state"] == "open":
        answering.ask(review)


def _texts(review: Mapping[str, Any]) -> None:
    """The texts that the arguments point to, as they are: shown, never rendered."""
    given = review["request"]["action_requests"][0]["args"]
    pointed = {name.removesuffix(_POINTER): value for name, value in given.items() if name.endswith(_POINTER)}
    found = reading.artifacts(review["tenant"], [each for each in pointed.values() if isinstance(each, str)])
    for name, digest in pointed.items():
        if text := found.get(digest):
            put(element("h2", f"The {spaced(name)} ({len(text.split()):,} words)", css="over-code"))
            with st.container(height=480, key=f"{name}-{review['number']}"):
                st.code(text, language=None, wrap_lines=True)


def _head(review: Mapping[str, Any]) -> Html:
    waiting = waits(review["opened_at"], datetime.now(UTC)) if review["state"] == "open" else spaced(review["state"])
    about = [f"review r-{review['number']}", review["tenant"], f"thread {review['thread_id']}", waiting]
    if review["kind"] != "action":
        about.insert(1, spaced(review["kind"]))
    title = element("h1", f"{review['task_type']} · {review['subject']}")
    return element("header", title, element("p", " · ".join(about), css="quiet"))


def _proposed(review: Mapping[str, Any]) -> Html:
    request = review["request"]
    said = [element("p", request["action_requests"][0]["description"], css="lead")]
    if request.get("rationale"):
        said.append(element("p", f"Because: {request['rationale']}"))
    if request.get("confidence") is not None:
        said.append(element("p", f"The agent's own confidence: {request['confidence']:.2f} of 1", css="quiet"))
    will = "Approving will" if review["kind"] == "action" else "Answering will"
    return joined(
        section(_HEADINGS.get(review["kind"], "To be settled"), *said),
        section(will, element("p", request["approving_will"])),
    )


def _why(request: Mapping[str, Any]) -> Html:
    said = [element("ul", *(element("li", line) for line in request["why"]))]
    if score := request.get("score"):
        said.append(_score(score))
    if request.get("rules") is not None:
        said.append(element("p", element("strong", "Policy: "), policy(request["rules"])))
    return section("Why you are asked", *said)


def _score(score: Mapping[str, Any]) -> Html:
    rows = [_measured(label, float(score[name])) for label, name in PARTS]
    total = _measured("score", float(score["total"]), score.get("threshold"), css="total")
    caption = element("caption", f"0 asks nobody, 1 asks a person; the score is the mean: {compared(score)}.")
    return element("table", caption, element("tbody", *rows, total), css="score")


def _measured(label: str, value: float, threshold: float | None = None, css: str = "") -> Html:
    share = min(max(value, 0.0), 1.0)
    mark = element("i", style=f"left:{threshold:.0%}") if threshold is not None else ""
    bar = element("span", element("span", style=f"width:{share:.0%}"), mark, css="bar", aria_hidden="true")
    return element(
        "tr",
        element("th", label, scope="row"),
        element("td", bar),
        element("td", f"{value:.2f}", css="number"),
        css=css,
    )


def _evidence(items: Sequence[Mapping[str, str]]) -> Html:
    if not items:
        return section("Evidence", element("p", "None was given.", css="quiet"))
    note = element("p", "○ comes from outside or from the model: data, never instructions.", css="quiet")
    return section("Evidence", note, element("ul", *(_item(item) for item in items), css="evidence"))


def _item(item: Mapping[str, str]) -> Html:
    mark = TRUST.get(item.get("trust", ""), TRUST["untrusted"])
    return element(
        "li",
        element("span", item.get("label", "")),
        element("span", element("em", mark), " ", item.get("source", ""), css="quiet"),
    )
