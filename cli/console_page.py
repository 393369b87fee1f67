"""How the console's server is started. The command that does it also advances decided threads."""

from __future__ import annotations

import json
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from core.errors import BadInput
from runtime.settings import Settings

ADDRESS: Final = "127.0.0.1"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def address_of(settings: Settings) -> str:
    """Where the page listens. Raises BadInput for any but this machine's own address without a login: whoever reaches
    the page decides."""
    if settings.console_address not in _LOOPBACK and not settings.oidc:
        raise BadInput(
            f"The console listens on {settings.console_address} only with a login, since whoever reaches it decides. "
            "Set AUTONOMY_OIDC_METADATA_URL and what belongs to it; .env.example says what that is."
        )
    return settings.console_address


@contextmanager
def secrets_file(settings: Settings) -> Iterator[Path | None]:
    """What Streamlit's login reads, readable by this user alone and gone with the page; None without a login."""
    if not settings.oidc:
        yield None
        return
    with TemporaryDirectory(prefix="autonomy-console") as folder:  # 0700
        path = Path(folder, "secrets.toml")
        path.touch(0o600)
        path.write_text(_auth(settings), encoding="utf-8")
        yield path


def _auth(settings: Settings) -> str:
    given = {
        "redirect_uri": f"{settings.console_url.rstrip('/')}/oauth2callback",
        "cookie_secret": secrets.token_hex(32),
        "client_id": settings.oidc_client_id,
        "client_secret": settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else "",
        "server_metadata_url": settings.oidc_metadata_url,
    }
    # A JSON string is a TOML string.
    return "[auth]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items())


def command(port: int, address: str = ADDRESS, login: Path | None = None) -> list[str]:
    """The argument vector of the server. Theme and error settings come from ui/.streamlit/config.toml."""
    script = resources.files("ui").joinpath("console.py")
    options = {
        "server.address": address,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    options |= {"secrets.files": str(login)} if login else {}
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return [sys.executable, "-m", "ui.serving", "run", str(script), *flags]


def free(port: int) -> bool:
    """Whether nothing listens on `port`, so that the server can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True
