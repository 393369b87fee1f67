"""How values of checkpoints are read and written: plain data only, encrypted when there is a key."""

from __future__ import annotations

from typing import Any, Final

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from core.errors import AutonomyError, BadInput
from store.encryption import Cipher

_KINDS: Final = frozenset({"null", "bytes", "bytearray", "msgpack"})
"""What this serialiser writes; LangGraph's would also read "json" and, from it, build objects."""


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
