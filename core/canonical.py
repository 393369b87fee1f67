"""One way to write a value as JSON, and its hash.

JSON columns of Postgres refuse NUL and lone surrogates, and JSON itself has no NaN; text from outside has all three.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any, Final

_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def storable_text(text: str) -> str:
    """`text` with NUL and lone surrogates replaced by U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def storable(value: Any) -> Any:
    """A copy of a JSON-like value that any JSON column takes: bad characters replaced, non-finite numbers as null."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {storable_text(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


def canonical_json(value: Any) -> str:
    """Sorted keys, no spaces, UTF-8: the form that hashes are taken of. Raises ValueError on NaN."""
    return _CANONICAL.encode(value)


def sha256(value: Any) -> str:
    """Hex SHA-256 of text, or of a value's canonical JSON."""
    text = value if isinstance(value, str) else canonical_json(value)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
