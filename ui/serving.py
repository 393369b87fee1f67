"""Streamlit's server with the console's pages imported already: `python -m ui.serving run …` is `streamlit run …`.

Streamlit imports a script when the first browser has connected. A browser takes half a second to load what draws a
page, in which the server has nothing to do.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
import time
from typing import Final

import ui

_LOOK_AGAIN: Final = 0.02


def main() -> None:
    from streamlit.web import cli

    threading.Thread(target=_import_pages, name="pages", daemon=True).start()
    cli.main(prog_name="streamlit")


def _import_pages() -> None:
    """Once the server is there, whose own start goes first. A page that cannot be imported says so when it is asked
    for."""
    from streamlit import runtime

    while not runtime.exists():
        time.sleep(_LOOK_AGAIN)
    for page in pkgutil.iter_modules(ui.__path__):
        importlib.import_module(f"ui.{page.name}")


if __name__ == "__main__":
    main()
