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

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from core.errors import AutonomyError, BadInput

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_KINDS: Final = frozenset({"null", "bytes", "bytearray", "msgpack"})
"""What this serialiser writes; LangGraph's would also read "json" and, from it, build objects."""
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


class StrictSerializer(JsonPlusSerializer):
    """Reads and writes plain data, encrypted if there is a cipher. No class of ours is ever rebuilt from a database."""

    def __init__(self, cipher: Cipher | None = None) -> None:
        super().__init__(allowed_msgpack_modules=None)
        self._cipher = cipher

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        kind, plaintext = super().dumps_typed(obj)
        if self._cipher is None or kind == "null":
            return kind, plaintext
        return f"{kind}+{self._cipher.name}", self._cipher.encrypt(plaintext, kind)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        kind, _, name = data[0].partition("+")
        if kind not in _KINDS:
            raise AutonomyError(f"A checkpoint holds a value of type {kind}, which this release does not write.")
        return super().loads_typed((kind, self._opened(name, data[1], kind) if name else data[1]))

    def _opened(self, name: str, sealed: bytes, kind: str) -> bytes:
        if self._cipher is None:
            raise BadInput("This thread is encrypted. Set AUTONOMY_ENCRYPTION_KEY to the key it was written with.")
        if self._cipher.name != name:
            raise BadInput("This thread was encrypted with another key than AUTONOMY_ENCRYPTION_KEY holds.")
        return self._cipher.decrypt(sealed, kind)


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
