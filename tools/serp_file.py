"""Search results from a file that the person gave."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from core.errors import BadInput
from tools.serp_shapes import MAX_BYTES, Serp, parse_serp, serp_text


class SerpFile:
    """A file in one of the shapes of tools/serp_shapes.py. It answers for its own keyword and refuses any other."""

    name = "the SERP file"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def search(self, keyword: str, locale: str) -> Serp | None:
        """Raises BadInput, naming the file, for anything that keeps it from being used."""
        return await asyncio.to_thread(self._parsed, keyword, locale)

    def _parsed(self, keyword: str, locale: str) -> Serp:
        try:
            data, day = self._read()
            serp = parse_serp(serp_text(data), keyword, locale, fetched=day)
        except BadInput as error:
            raise BadInput(f"SERP file {self._path}: {error}.") from None
        except OSError as error:
            raise BadInput(f"SERP file {self._path} cannot be read: {error.strerror or error}.") from None
        origin = f" ({serp.label})" if serp.label else ""
        return serp.model_copy(update={"label": f"file {self._path.name}{origin}"})

    def _read(self) -> tuple[bytes, str]:
        """At most one byte over the limit, so that an endless file is refused too; and the day it was written."""
        with self._path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        return data, datetime.fromtimestamp(self._path.stat().st_mtime, UTC).date().isoformat()
