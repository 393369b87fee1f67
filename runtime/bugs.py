"""What is kept of an error that nobody foresaw."""

from __future__ import annotations

import tempfile
import traceback


def kept(error: Exception) -> str:
    """Where the traceback of `error` was written to."""
    with tempfile.NamedTemporaryFile("w", prefix="autonomy-", suffix=".log", delete=False, encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    return file.name
