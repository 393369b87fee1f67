"""What surrounds a page's content: errors said in one line instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.errors import AutonomyError, BadInput, Unavailable
from ui import places, reading
from ui.markup import notice


def workers_away() -> None:
    """Say so when nobody runs on what is decided."""
    with st.container():  # one element, said or not: see said_once
        if reading.workers():
            return
        notice("No worker is running: what you decide is stored and waits. Start one: autonomy worker", "warning")


def framed(key: str) -> DeltaGenerator:
    """A row of a list: what it is about, and beside it a button."""
    return st.container(horizontal=True, wrap=False, vertical_alignment="center", border=True, key=key)


def said_once(key: str) -> None:
    """What the last action came to: (text, kind of notice) under `key` of the session.

    One element of the page, said or not: Streamlit would draw the fields after it anew, and forget what is being typed.
    """
    with st.container():
        if said := st.session_state.pop(key, None):
            notice(*said)


@contextmanager
def told() -> Iterator[None]:
    """Say an error of ours in its own words, with a way to try again when something did not answer."""
    try:
        yield
    except AutonomyError as error:
        say(error)


def begin() -> None:
    """A page is being drawn from its top: what it has to say is said anew."""
    st.session_state["outage-said"] = False


def outage() -> bool:
    """Whether the page says at its top that the database does not answer."""
    return bool(st.session_state.get("outage-said"))


def say(error: AutonomyError) -> None:
    """The error's line, and what may help: another try, or the way back from an address that leads nowhere.

    An outage, which meets every part of a page, is said once; a part that is drawn by itself says it where the page has
    not, and tries again by itself.
    """
    if isinstance(error, Unavailable):
        if outage():
            return
        notice(str(error), "error")
        if not _part_by_itself():
            st.session_state["outage-said"] = True
            st.button("Try again", key="try-again", on_click=reading.reconnect)
            _until_it_is_back()
        return
    notice(str(error), "error")
    if isinstance(error, BadInput):
        places.link_back()


@st.fragment(run_every=3)
def _until_it_is_back() -> None:
    """Draw the page anew, with everything typed in it, once the database answers."""
    if not _part_by_itself():
        return
    try:
        reading.reconnect()
        reading.workers()
    except Unavailable:
        return
    st.rerun()


def _part_by_itself() -> bool:
    context = get_script_run_ctx()
    return context is not None and bool(context.fragment_ids_this_run)
