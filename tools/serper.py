"""Google's results through Serper (serper.dev)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx

from core.errors import BadInput, ToolError
from tools.serp_shapes import Serp, language, parse_serp, region


class Serper:
    """A thin client of Serper's /search. `timeout` is seconds without a sign of life."""

    name = "Serper"

    def __init__(self, api_key: str, base_url: str = "https://google.serper.dev", timeout: float = 10.0) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise BadInput(f"Serper's base URL {base_url!r} is not an http(s) URL.")
        self._api_key = api_key
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout

    async def search(self, keyword: str, locale: str) -> Serp | None:
        """None when Google found nothing. Raises ToolError: transient, tool_refused or tool_drift."""
        response = await self._post(_query(keyword, locale))
        _check_status(response)
        _check_shape(response)
        if not response.json()["organic"]:
            return None
        today = datetime.now(UTC).date().isoformat()
        try:
            return parse_serp(response.text, keyword, locale, fetched=today)
        except BadInput as error:
            raise ToolError(f"Serper's answer has changed: {error}.", "tool_drift") from error

    async def _post(self, query: dict[str, Any]) -> httpx.Response:
        try:
            async with httpx.AsyncClient(timeout=self._timeout) as client:
                return await client.post(f"{self._base_url}/search", json=query, headers={"X-API-KEY": self._api_key})
        except httpx.TransportError as error:
            cause = str(error) or type(error).__name__
            raise ToolError(f"Serper at {self._base_url} does not answer: {cause}.", "transient") from error


def _query(keyword: str, locale: str) -> dict[str, Any]:
    query: dict[str, Any] = {"q": keyword, "hl": language(locale), "num": 10}
    return {**query, "gl": region(locale)} if region(locale) else query


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status == 429 or status >= 500:
        raise ToolError(f"Serper answers {status}; try again later.", "transient", _retry_after(response))
    if status in (401, 403):
        raise ToolError(f"Serper answers {status}: the key was refused: check SERPER_API_KEY.", "tool_refused")
    if status != 200:
        raise ToolError(f"Serper answers {status}: {response.text[:200].strip()}", "tool_refused")


def _check_shape(response: httpx.Response) -> None:
    try:
        answer = response.json()
    except ValueError as error:
        raise ToolError("Serper's answer is not JSON.", "tool_drift") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("organic"), list):
        raise ToolError("Serper's answer has changed: it has no list of organic results.", "tool_drift")


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds, when the header gives them as a number; a date is not worth trusting two clocks for."""
    value = response.headers.get("retry-after", "")
    return min(float(value), 3_600.0) if value.isascii() and value.isdigit() else None
