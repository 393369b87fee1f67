"""The script that Streamlit runs. Start it with: autonomy console"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui import places


def main() -> None:
    st.set_page_config(page_title="autonomy", layout="wide")
    st.html(Path(__file__).with_name("console.css"))
    pages = [places.inbox(), places.threads(), places.review(), places.thread()]
    st.navigation(pages, position="top").run()


if __name__ == "__main__":
    main()
