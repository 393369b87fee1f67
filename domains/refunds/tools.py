"""The tools of the refund desk: what each takes, returns, costs and may do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from core.tools import Allowlist, ToolSpec
from domains.refunds import schemas as s

READ: Final = 1
"""Cost in budget units of a call that only reads."""
REVERSIBLE: Final = 2
MONEY: Final = 1000

READ_ATTEMPTS: Final = 3
SECONDS: Final = 20.0
"""Timeout of one call of the desk's service."""

MOST_REFUNDED: Final = 500_00
"""Cents of one refund, whatever a profile says; a profile can only lower it."""
MOST_PAID: Final = 2_000_00


def _order_and_line(arguments: Mapping[str, Any]) -> str:
    return f"{arguments['order']} {arguments['line']}"


def _invoice(arguments: Mapping[str, Any]) -> str:
    return str(arguments["invoice"])


SPECS: Final = (
    ToolSpec(
        name="look_up_order",
        summary="Read this thread's order in the desk's books: lines, amounts, vendors' invoices, the customer's note.",
        arguments=s.LookUpOrderArguments,
        result=s.Order,
        tier="read-only",
        idempotency="idempotent",
        cost=READ,
        timeout=SECONDS,
        attempts=READ_ATTEMPTS,
        bindings={"order": "task:order"},
        produces="order",
    ),
    ToolSpec(
        name="draft_reply",
        summary="Draft the reply to the customer, and name the lines and invoices that are due. Nothing is sent.",
        arguments=s.DraftReplyArguments,
        result=s.DraftReplyResult,
        tier="reversible",
        idempotency="local",
        cost=REVERSIBLE,
        timeout=10.0,
        decision_point=True,
        decides="reply",
        produces="reply",
    ),
    ToolSpec(
        name="issue_refund",
        summary="Pay the price of one line of the order back to the customer. This cannot be undone.",
        arguments=s.IssueRefundArguments,
        result=s.IssueRefundResult,
        tier="irreversible",
        idempotency="queryable",
        cost=MONEY,
        timeout=SECONDS,
        risk="high",
        control_arguments=frozenset({"order", "line", "amount"}),
        bindings={"order": "task:order"},
        produces="refund:{line}",
        rejection_is_final=True,
        identity=_order_and_line,
        amount="amount",
        amount_limit=MOST_REFUNDED,
        amount_limit_in="refund_limit",
    ),
    ToolSpec(
        name="pay_vendor",
        summary="Pay a vendor's invoice that belongs to this order. This cannot be undone.",
        arguments=s.PayVendorArguments,
        result=s.PayVendorResult,
        tier="irreversible",
        idempotency="idempotent",
        cost=MONEY,
        timeout=SECONDS,
        risk="high",
        control_arguments=frozenset({"invoice", "vendor", "amount"}),
        produces="payment:{invoice}",
        rejection_is_final=True,
        identity=_invoice,
        amount="amount",
        amount_limit=MOST_PAID,
        amount_limit_in="payment_limit",
        allowed={"vendor": Allowlist("value", ("profile:vendors",))},
    ),
    ToolSpec(
        name="ask_human",
        summary="Ask a person of the desk for what neither the books nor the customer's words can tell.",
        arguments=s.AskHumanArguments,
        result=s.AskHumanResult,
        tier="read-only",
        idempotency="idempotent",
        cost=READ,
        timeout=10.0,
        produces="answer",
    ),
)

TOOLS: Final[Mapping[str, ToolSpec]] = MappingProxyType({spec.name: spec for spec in SPECS})
