"""The decision on a review: the forms in which it is taken, and what is said once it is.

A click is handled in a callback, before the page is read anew: who comes second is then told so, instead of finding
the form gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.errors import AutonomyError, BadInput
from core.reviews import WireAnswer
from runtime.arguments import as_yaml, edited
from ui import deciding, places
from ui.markup import element, notice, put, section
from ui.words import CHOICES, decided

Review = Mapping[str, Any]


def ask(review: Review) -> None:
    """The ways to answer that this review takes."""
    allowed = review["request"]["review_configs"][0]["allowed_decisions"]
    put(element("h2", "Your decision", css="over-code"))
    if "approve" in allowed:
        _approve(review)
    elif "edit" in allowed:
        notice("Its score is too high to approve it as it stands. Edit it, or reject it with a reason.")
    if "edit" in allowed:
        _edit(review)
    if "reject" in allowed:
        _reject(review)
    if "respond" in allowed:
        _respond(review)


def decision(review: Review) -> None:
    """What was decided, by whom, and what happens now."""
    for wire in ("approve", "edit", "reject", "respond"):
        _refused(review, wire)
    if review["answer"] is None:
        notice(f"This review is {review['state']}; nothing is left to decide.")
    else:
        notice(f"Decided: {decided(review)}. The thread goes on by itself.", "good")
        _said(review["decision"] or {})
    with st.container(horizontal=True):
        places.link_to_thread(review["thread_id"], "See the thread")
        places.link_back()


def _said(answer: Mapping[str, Any]) -> None:
    if answer.get("message"):
        put(section("What was said", element("p", answer["message"])))
    if final := answer.get("edited_action"):
        put(element("h2", "What was approved instead", css="over-code"))
        st.code(as_yaml(final["args"]), language=None, wrap_lines=True)


def _approve(review: Review) -> None:
    st.button("Approve", type="primary", key=f"approve-{review['number']}", on_click=_take, args=(review, "approve"))
    _refused(review, "approve")


def _edit(review: Review) -> None:
    number, asked = review["number"], review["request"]["action_requests"][0]["args"]
    with st.expander("Edit the arguments", key=f"editing-{number}"), st.form(f"edit-form-{number}", border=False):
        st.text_area("Arguments (YAML)", as_yaml(asked), height=320, key=_typed(review, "edit"))
        st.form_submit_button("Approve with these arguments", on_click=_take, args=(review, "edit"))
        _refused(review, "edit")


def _reject(review: Review) -> None:
    number = review["number"]
    with st.expander("Reject", key=f"rejecting-{number}"), st.form(f"reject-form-{number}", border=False):
        st.text_area("Why? The agent reads it and proposes something else.", key=_typed(review, "reject"))
        st.form_submit_button("Reject", on_click=_take, args=(review, "reject"))
        _refused(review, "reject")


def _respond(review: Review) -> None:
    choices = review["request"].get("choices")
    with st.form(f"respond-form-{review['number']}", border=False):
        if choices:
            st.selectbox("Answer", choices, None, _choice_in_words, key=_typed(review, "choice"))
        st.text_area("Your message" if choices else "Your answer", key=_typed(review, "respond"))
        st.form_submit_button("Answer", type="primary", on_click=_take, args=(review, "respond"))
        _refused(review, "respond")


def _choice_in_words(choice: str) -> str:
    return CHOICES.get(choice, choice)


def _take(review: Review, wire: WireAnswer) -> None:
    """Decide. What cannot be used is said beside the form, in which everything typed stays."""
    try:
        arguments = None
        if wire == "edit":
            arguments = edited(_entered(review, "edit"), review["request"]["action_requests"][0]["args"])
        message = "" if wire == "edit" else _message(review, wire)
        deciding.decide(review["number"], wire, arguments=arguments, message=message)
    except AutonomyError as error:
        st.session_state[_problem(review, wire)] = str(error)


def _message(review: Review, wire: WireAnswer) -> str:
    """The message as the wire takes it: a choice is its first word. Raises BadInput when nothing was answered."""
    message, choice = _entered(review, wire), _entered(review, "choice")
    choices = review["request"].get("choices")
    if wire == "respond" and choices and not choice:
        raise BadInput("Choose an answer first.")
    if wire == "respond" and not choices and not message:
        raise BadInput("An answer needs words.")
    return f"{choice} {message}".strip()


def _entered(review: Review, field: str) -> str:
    return str(st.session_state.get(_typed(review, field)) or "").strip()


def _typed(review: Review, field: str) -> str:
    """The key under which Streamlit keeps what is typed; a review's own, so that no draft slips into another's form."""
    return f"{field}-typed-{review['number']}"


def _refused(review: Review, wire: str) -> None:
    """The line that says why an answer was not taken, once."""
    if problem := st.session_state.pop(_problem(review, wire), None):
        notice(problem, "error")


def _problem(review: Review, wire: str) -> str:
    return f"{wire}-refused-{review['number']}"
