from __future__ import annotations

import socket
import sys
from pathlib import Path

from cli.console_page import command, free


def test_the_server_listens_on_this_machine_only_and_runs_the_script() -> None:
    arguments = command(8_765)
    assert arguments[:4] == [sys.executable, "-m", "streamlit", "run"]
    assert Path(arguments[4]).name == "console.py" and Path(arguments[4]).is_file()
    assert (Path(arguments[4]).parent / ".streamlit/config.toml").is_file()
    given = dict(zip(arguments[5::2], arguments[6::2], strict=True))
    assert (given["--server.address"], given["--server.port"]) == ("127.0.0.1", "8765")


def test_a_port_is_free_until_someone_listens_on_it() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        assert not free(port)
    assert free(port)
