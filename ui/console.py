"""The script that Streamlit runs. Start it with: autonomy console"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import DatabaseUnavailable
from ui import places, reading, visitor
from ui.frame import begin, told


def main() -> None:
    st.set_page_config(page_title="autonomy", layout="wide")
    st.html(Path(__file__).with_name("console.css"))
    begin()
    with told():
        if visitor.let_in():
            st.navigation(places.everywhere(_waiting()), position="top").run()
            visitor.shown()


def _waiting() -> int | None:
    """How much waits; None while the database does not answer, which the page says."""
    try:
        waiting = reading.counts(visitor.me().name)[0]
    except DatabaseUnavailable:
        return None
    st.session_state["waiting"] = waiting
    return waiting


if __name__ == "__main__":
    main()
