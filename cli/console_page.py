"""How the console's server is started. The command that does it also advances decided threads."""

from __future__ import annotations

import socket
import sys
from importlib import resources
from typing import Final

ADDRESS: Final = "127.0.0.1"
"""Only this machine: nobody logs in yet, so whoever reaches the page decides."""


def command(port: int) -> list[str]:
    """The argument vector of the server. Theme and error settings come from ui/.streamlit/config.toml."""
    script = resources.files("ui").joinpath("console.py")
    options = {
        "server.address": ADDRESS,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return [sys.executable, "-m", "streamlit", "run", str(script), *flags]


def free(port: int) -> bool:
    """Whether nothing listens on `port`, so that the server can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True
