"""Embeddings from an OpenAI-compatible endpoint."""

from __future__ import annotations

import math
from typing import Any, Final

import httpx
from pydantic import SecretStr

from core.errors import ToolError

_LONGEST: Final = 8_000
"""Characters of one text; a situation is far shorter, and models cut somewhere."""


class HttpEmbedder:
    """core.ports.Embedder over POST {base_url}/embeddings. Blocking: it is called in a thread of its own."""

    def __init__(self, base_url: str, model: str, api_key: SecretStr | None, timeout: float = 10.0) -> None:
        self.name = model
        self._url = f"{base_url.rstrip('/')}/embeddings"
        self._key, self._timeout = api_key, timeout

    def embed(self, text: str) -> list[float]:
        """Raises ToolError: transient, tool_refused or tool_drift."""
        headers = {} if self._key is None else {"Authorization": f"Bearer {self._key.get_secret_value()}"}
        asked = {"model": self.name, "input": text[:_LONGEST], "encoding_format": "float"}
        try:
            answer = httpx.post(self._url, json=asked, headers=headers, timeout=self._timeout)
        except httpx.HTTPError as error:
            raise ToolError(f"{self._url} does not answer ({type(error).__name__}).", "transient") from error
        if answer.status_code != 200:
            passing = answer.status_code in (408, 429) or answer.status_code >= 500
            raise ToolError(f"{self._url} answers {answer.status_code}.", "transient" if passing else "tool_refused")
        return _vector(answer)


def _vector(answer: httpx.Response) -> list[float]:
    try:
        said: Any = answer.json()
        vector = [float(value) for value in said["data"][0]["embedding"]]
    except (ValueError, TypeError, LookupError):
        raise ToolError("The embedding endpoint's answer cannot be read.", "tool_drift") from None
    if not vector or not all(map(math.isfinite, vector)):
        raise ToolError("The embedding endpoint's answer is no vector.", "tool_drift")
    return vector
