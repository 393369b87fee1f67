"""What surrounds a page's content: errors said in one line instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import AutonomyError, BadInput, Unavailable
from ui import places, reading
from ui.markup import notice


def workers_away() -> None:
    """Say so when nobody runs on what is decided."""
    if not reading.workers():
        notice("No worker is running: what you decide is stored and waits. Start one: autonomy worker", "warning")


def framed(key: str) -> DeltaGenerator:
    """A row of a list: what it is about, and beside it a button."""
    return st.container(horizontal=True, wrap=False, vertical_alignment="center", border=True, key=key)


@contextmanager
def told() -> Iterator[None]:
    """Say an error of ours in its own words, with a way to try again when something did not answer."""
    try:
        yield
    except AutonomyError as error:
        say(error)


def say(error: AutonomyError) -> None:
    """The error's line, and what may help: another try, or the way back from an address that leads nowhere."""
    notice(str(error), "error")
    if isinstance(error, Unavailable):
        st.button("Try again", key="try-again", on_click=reading.reconnect)
    if isinstance(error, BadInput):
        places.link_back()
