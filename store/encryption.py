"""Encryption at rest, when AUTONOMY_ENCRYPTION_KEY is set.

Encrypted: values of channels (short ones too, which LangGraph would write beside the checkpoint), pending writes
(interrupts, answers and errors among them), and the text of an error in its event. Metadata of a checkpoint is cut down
to what LangGraph reads. In clear: ids, names of nodes and channels, versions, times, whether a value is None; and
everything outside the checkpoints: events (which hold hashes and references), reviews, artifacts, documents, recorded
model calls and the task of a thread. Whoever needs those encrypted encrypts the disk.

AES-256-GCM-SIV with a random nonce. The type beside a blob names cipher and key, so that threads from before the key
can still be read, and another key is told from a damaged value.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from typing import Any, Final, Self

from core.errors import AutonomyError, BadInput

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_WITHHELD: Final = "(encrypted)"


class Cipher:
    """One key. `name` is stored with everything it encrypts."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV  # only who has a key waits for the import

        self._aead = AESGCMSIV(key)
        self.name = f"aes256gcmsiv.{hashlib.sha256(key).hexdigest()[:8]}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """From AUTONOMY_ENCRYPTION_KEY, 32 bytes in base64. Raises BadInput."""
        try:
            key = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != _KEY_BYTES:
            raise BadInput("AUTONOMY_ENCRYPTION_KEY is not 32 bytes in base64. Make one: openssl rand -base64 32")
        return cls(key)

    def encrypt(self, plaintext: bytes, kind: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plaintext, kind.encode())

    def decrypt(self, sealed: bytes, kind: str) -> bytes:
        """Raises AutonomyError when it was not written with this key as this kind."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], kind.encode())
        except (InvalidTag, ValueError):
            raise AutonomyError("An encrypted value was changed in the database; restore it from a backup.") from None


def said(text: str, cipher: Cipher | None) -> dict[str, str]:
    """The text of an error as an event's body holds it: as `message`, or encrypted in `sealed`."""
    if cipher is None:
        return {"message": text}
    return {"message": _WITHHELD, "sealed": base64.b64encode(cipher.encrypt(text.encode(), "text")).decode()}


def heard(body: dict[str, Any], cipher: Cipher | None) -> str:
    """The text that `said` put into an event's body; without the key, that it is encrypted."""
    if cipher is None or "sealed" not in body:
        return str(body["message"])
    return cipher.decrypt(base64.b64decode(body["sealed"]), "text").decode()
