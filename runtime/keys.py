"""The key for what people enter for tools."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Final

from core.errors import AutonomyError, BadInput
from runtime.settings import Settings
from store.encryption import Cipher

_FILE: Final = "secrets.key"
_BYTES: Final = 32


def cipher_for_secrets(settings: Settings) -> Cipher:
    """The configured key; where there is none and the database is on this machine, one that is made and kept there,
    readable by its owner only.

    Raises BadInput where several machines may share the database: each would make another key.
    """
    if settings.encryption_key is not None:
        return Cipher.from_text(settings.encryption_key.get_secret_value())
    if settings.database_url is not None:
        raise BadInput(
            "A secret is only taken with a key that every worker has. Set AUTONOMY_ENCRYPTION_KEY on all machines; "
            "make one: openssl rand -base64 32"
        )
    return Cipher.from_text(kept_key(settings.home.expanduser() / _FILE))


def kept_key(path: Path) -> str:
    """The key in `path`, made if it is not there. Raises AutonomyError when others can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(base64.b64encode(os.urandom(_BYTES)).decode())
        file.flush()
        os.fsync(file.fileno())
    return _read(path)


def _read(path: Path) -> str:
    if path.stat().st_mode & 0o077:
        raise AutonomyError(f"{path} can be read by others. Run: chmod 600 {path}, and change what was entered since.")
    return path.read_text(encoding="ascii").strip()
