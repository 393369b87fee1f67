"""The refund desk's service over HTTP: one order read, one refund, one vendor's payment.

GET  /orders/{order}
POST /refunds             {order, line, amount}     under the Idempotency-Key
GET  /refunds/{key}       the refund made under that key
POST /payments            {invoice, vendor, amount} under the Idempotency-Key, which is never forgotten
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from core.canonical import storable
from core.errors import ToolError
from core.ports import ToolContext, ToolOutput
from tools.http_calls import HttpCall, http_call


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the service is; `token` goes into the Authorization header and nowhere else."""

    url: str
    token: str = field(default="", repr=False)

    async def ask(self, method: Any, path: str, context: ToolContext, **more: Any) -> Any:
        """The JSON of the answer. Raises ToolError as http_call does."""
        if not self.url:
            raise ToolError("No refund desk is configured.", "tool_refused", never_sent=True)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        call = HttpCall("The refund desk", method, f"{self.url}{path}", context.deadline, headers=headers, **more)
        async with httpx.AsyncClient() as client:
            return await http_call(client, call)


@dataclass(frozen=True, slots=True)
class LookUpOrder:
    """Amounts, lines and invoices are the desk's own; the note is the customer's, so the whole is untrusted."""

    desk: Desk

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        order = str(arguments["order"])
        found = await self._read(order, context)
        if found is None:
            raise ToolError(f"The desk's books have no order {order}.", "missing_evidence")
        if not isinstance(found, dict) or found.get("order") != order:
            raise ToolError(f"The refund desk answered something else than order {order}.", "tool_drift")
        result: dict[str, Any] = storable(found)
        summary = f"lines: {len(result.get('lines') or ())}, vendors' invoices: {len(result.get('invoices') or ())}"
        return ToolOutput(result, trust="untrusted", source=f"refund desk, order {order}", summary=summary)

    async def _read(self, order: str, context: ToolContext) -> Any:
        try:
            return await self.desk.ask("GET", f"/orders/{quote(order, safe='')}", context, may_be_absent=True)
        except ToolError as error:
            if error.failure_class == "unknown_effect":  # of a read there is no effect
                raise ToolError(str(error), "transient", error.retry_after, never_sent=True) from error
            raise


@dataclass(frozen=True, slots=True)
class IssueRefund:
    desk: Desk

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        body = dict(arguments)
        return _paid(
            await self.desk.ask("POST", "/refunds", context, key=context.operation_key, body=body), "refund", body
        )

    async def lookup(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput | None:
        path = f"/refunds/{quote(context.operation_key, safe='')}"
        found = await self.desk.ask("GET", path, context, may_be_absent=True)
        return None if found is None else _paid(found, "refund", dict(arguments))


@dataclass(frozen=True, slots=True)
class PayVendor:
    desk: Desk

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        body = dict(arguments)
        return _paid(
            await self.desk.ask("POST", "/payments", context, key=context.operation_key, body=body), "payment", body
        )


def _paid(answer: Any, what: str, asked: Mapping[str, Any]) -> ToolOutput:
    """Raises ToolError(tool_drift) for an answer about anything but what was asked for."""
    said = answer if isinstance(answer, dict) else {}
    if any(said.get(name) != value for name, value in asked.items()):
        raise ToolError(f"The refund desk confirmed another {what} than the one it was sent.", "tool_drift")
    result = {**asked, what: said.get(what)}
    return ToolOutput(result, source="refund desk", summary=f"{what} {said.get(what)}, {asked['amount']} cents")
