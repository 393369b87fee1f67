"""One HTTP call that changes something, or asks what became of one, with each way it can end said precisely.

| what happened | ToolError |
|---|---|
| no connection: refused, no such name, connect timeout, no free connection, no valid address | never sent |
| 429; 503 with Retry-After | transient, never sent, with the wait that was asked for |
| 409 to a call with a key | unknown: the far side may be at an earlier attempt under the same key |
| another 4xx | tool_refused |
| 3xx, 5xx, a reset, a read timeout, an answer that is not JSON | unknown |

For a look-up, which changes nothing, the executor takes every one of them as "ask again later".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

import httpx

from core.errors import ToolError
from core.retries import retry_after

_CONNECT_SHARE: Final = 0.5
"""Of the whole time: who has not connected by then is told so, before the executor cuts the call off as unknown."""
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_NO_ADDRESS: Final = (httpx.InvalidURL, httpx.UnsupportedProtocol)
_SAID: Final = 200


@dataclass(frozen=True, slots=True)
class HttpCall:
    """`seconds` for the whole call; `key` is sent as Idempotency-Key. With `may_be_absent`, a 404 answers None."""

    what: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    url: str
    seconds: float
    key: str = ""
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    may_be_absent: bool = False


async def http_call(client: httpx.AsyncClient, call: HttpCall) -> Any:
    """The JSON of the answer; None for an empty one. Raises ToolError as the table above says."""
    headers = {**call.headers, **({"Idempotency-Key": call.key} if call.key else {})}
    timeout = httpx.Timeout(call.seconds, connect=call.seconds * _CONNECT_SHARE)
    try:
        response = await client.request(
            call.method, call.url, json=call.body, headers=headers, timeout=timeout, follow_redirects=False
        )
    except _NEVER_SENT as error:
        raise ToolError(f"{call.what} cannot be reached ({_cause(error)}).", "transient", never_sent=True) from error
    except _NO_ADDRESS as error:
        raise ToolError(f"{call.what} has no valid address: {error}", "tool_refused", never_sent=True) from error
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise _unknown(call, f"it broke off after the call was sent ({_cause(error)})") from error
    return _read(call, response)


def _read(call: HttpCall, response: httpx.Response) -> Any:
    status = response.status_code
    if status == 404 and call.may_be_absent:
        return None
    wait = retry_after(response.headers, datetime.now(UTC))
    if status == 429 or (status == 503 and wait is not None):
        raise ToolError(f"{call.what} asks to come back later ({status}).", "transient", wait, never_sent=True)
    if status == 409 and call.key:
        raise _unknown(call, "it answered 409, which it also does while it is at an earlier attempt", wait)
    if 400 <= status < 500:
        raise ToolError(f'{call.what} refused ({status}): "{_shortened(response)}".', "tool_refused")
    if not 200 <= status < 300:
        raise _unknown(call, f"it answered {status}", wait)
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        raise _unknown(call, "its answer is not JSON") from None


def _unknown(call: HttpCall, why: str, wait: float | None = None) -> ToolError:
    return ToolError(f"{call.what}: {why}.", "unknown_effect", wait)


def _cause(error: Exception) -> str:
    return " ".join(str(error).split())[:_SAID] or type(error).__name__


def _shortened(response: httpx.Response) -> str:
    return " ".join(response.text.split())[:_SAID]
