from __future__ import annotations

import socket
import sys
import tomllib
from pathlib import Path

import pytest

from cli.console_page import address_of, command, free, secrets_file
from core.errors import BadInput
from runtime.settings import Settings


def test_the_server_listens_on_this_machine_only_and_runs_the_script() -> None:
    arguments = command(8_765)
    assert arguments[:4] == [sys.executable, "-m", "ui.serving", "run"]
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


LOGIN = {
    "AUTONOMY_OIDC_METADATA_URL": "https://id.example",
    "AUTONOMY_OIDC_CLIENT_ID": "c",
    "AUTONOMY_OIDC_CLIENT_SECRET": 's"x',
}


def test_only_with_a_login_does_it_listen_to_other_machines() -> None:
    elsewhere = {"AUTONOMY_CONSOLE_ADDRESS": "0.0.0.0"}
    assert address_of(Settings(_env_file=None)) == "127.0.0.1"
    assert address_of(Settings(_env_file=None, **elsewhere, **LOGIN)) == "0.0.0.0"
    with pytest.raises(BadInput, match="only with a login"):
        address_of(Settings(_env_file=None, **elsewhere))
    for name in LOGIN:
        with pytest.raises(BadInput, match="all three"):
            address_of(Settings(_env_file=None, **elsewhere, **(LOGIN | {name: ""})))


def test_the_secrets_of_the_login_are_in_a_file_of_this_user_and_gone_afterwards() -> None:
    with secrets_file(Settings(_env_file=None, **LOGIN)) as path:
        assert path is not None and path.stat().st_mode & 0o077 == 0
        said = tomllib.loads(path.read_text())["auth"]
        assert (said["client_secret"], said["redirect_uri"]) == ('s"x', "http://127.0.0.1:8501/oauth2callback")
    assert not path.exists()
    with secrets_file(Settings(_env_file=None)) as nothing:
        assert nothing is None
