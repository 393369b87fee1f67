"""Who has a review, kept up to date while it is looked at; and the seconds in which a decision can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.errors import AutonomyError
from ui import deciding, reading, writing
from ui.frame import told
from ui.markup import element, notice, put
from ui.visitor import me
from ui.words import minutes


def watch(review: Mapping[str, Any]) -> None:
    _who(review["number"])


@st.fragment(run_every=2)
def _who(number: int) -> None:
    with told():
        now = reading.pulse(number)
        mine = now["claimed_by"] == me().name
        if now["state"] != "open":
            notice("This review was settled while you were looking at it; what you typed is kept.", "warning")
            if st.button("Show what was decided", key=f"refresh-{number}"):
                st.rerun()
        elif now["claimed_by"] and now["seconds_left"] and mine:
            put(element("p", f"claimed by you, {minutes(now['seconds_left'])} left", css="quiet claim"))
        elif now["claimed_by"] and now["seconds_left"]:
            put(
                element(
                    "p", f"{now['claimed_by']} has it, {minutes(now['seconds_left'])} left", css="quiet claim other"
                )
            )
        else:
            put(element("p", "nobody has it", css="quiet claim"))


def take(number: int, holder: str) -> None:
    """A button for somebody who decides although another person is at it."""
    st.button(f"Decide it instead of {holder}", key=f"take-{number}", on_click=_take, args=(number,))


def _take(number: int) -> None:
    writing.claim(me().name, number, take=True)


def undoing(review: Mapping[str, Any]) -> None:
    """While a decision can be taken back: how long, and the button that does."""
    until = review["effective_at"]
    if review["state"] == "decided" and until is not None and review["decided_by"] == me().name:
        _undo(review["number"])


@st.fragment(run_every=1)
def _undo(number: int) -> None:
    if st.session_state.pop(f"undone-{number}", None):
        st.rerun()
    with told():
        left = reading.pulse(number)["undo_left"]
        if not left:
            put(element("p", "It takes effect now; it can no longer be taken back.", css="quiet"))
            return
        put(element("p", f"It takes effect in {max(1, round(left))} s.", css="lead"))
        st.button("Undo", key=f"undo-{number}", type="primary", shortcut="Z", on_click=_undone, args=(number,))
        if problem := st.session_state.pop(f"undo-refused-{number}", None):
            notice(problem, "error")


def _undone(number: int) -> None:
    try:
        deciding.undo(number)
    except AutonomyError as error:
        st.session_state[f"undo-refused-{number}"] = str(error)
    else:
        st.session_state[f"undone-{number}"] = True
