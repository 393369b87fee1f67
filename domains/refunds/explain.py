"""A proposal in the desk's words: what it is, what approving it does, what makes it hard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.actions import Proposal
from core.domain import Explanation, View

APPROVING: Final[Mapping[str, str]] = {
    "look_up_order": "read the order in the desk's books.",
    "draft_reply": "keep this draft and write it to the local content folder. Nothing is sent and nothing is paid.",
    "ask_human": "pass the answer to the agent.",
}
CLAIMS: Final = ("approved", "authorised", "authorized", "manager", "supervisor", "already agreed")


def money(cents: Any, currency: str) -> str:
    """12345 -> 123.45 EUR; what is no amount stays as it is."""
    if isinstance(cents, bool) or not isinstance(cents, int):
        return f"{cents} {currency}".strip()
    return f"{cents / 100:,.2f} {currency}".strip()


def explain(view: View, proposal: Proposal) -> Explanation:
    """The proposal for a person. Never raises for arguments that a person may have edited into another shape."""
    action, given = proposal.action, proposal.arguments
    order = view.content.get("order", {})
    amount = money(given.get("amount"), str(order.get("currency", "")))
    match action:
        case "issue_refund":
            will = f"pay {amount} back to {order.get('customer', 'the customer')}. It cannot be undone."
        case "pay_vendor":
            will = f"pay {amount} to {given.get('vendor', '')}. It cannot be undone."
        case _:
            will = APPROVING.get(action, f"run {action}.")
    return Explanation(_proposed(action, given, amount, order), will, tuple(_evidence(view)))


def _proposed(action: str, given: Mapping[str, Any], amount: str, order: Mapping[str, Any]) -> str:
    match action:
        case "draft_reply":
            due = [f"refund {', '.join(map(str, named))}" for named in [given.get("refund_lines")] if named]
            due += [f"pay {', '.join(map(str, named))}" for named in [given.get("pay_invoices")] if named]
            return f"reply ({'; '.join(due) or 'nothing is due'}): {' '.join(str(given.get('text', '')).split())}"
        case "issue_refund":
            title = next((each["title"] for each in order.get("lines", ()) if each["line"] == given.get("line")), "")
            return f"refund: {amount} for line {given.get('line', '')} ({title}) of order {given.get('order', '')}"
        case "pay_vendor":
            return f"payment: {amount} to {given.get('vendor', '')} for invoice {given.get('invoice', '')}"
        case "ask_human":
            return f"question: {given.get('question', '')} · why: {given.get('why', '')}"
    return action.replace("_", " ")


def _evidence(view: View) -> Iterator[dict[str, str]]:
    order = view.content.get("order")
    if order:
        for line in order["lines"]:
            label = f"{line['line']}: {line['title']}, {money(line['amount'], order['currency'])}"
            yield _item(f"{label}{', refunded already' if line['refunded'] else ''}", "the desk's books", "trusted")
        for each in order["invoices"]:
            label = f"{each['invoice']}: {each['vendor']} bills {money(each['amount'], order['currency'])}"
            yield _item(f"{label}{', paid already' if each['paid'] else ''}", "the desk's books", "trusted")
        if order["note"]:
            yield _item(f"note: {order['note']}", "the customer's note", "untrusted")
    if mail := view.task.get("mail"):
        yield _item(f"mail: {mail}", "the customer's mail", "untrusted")
    if profile := view.content.get("profile"):
        yield _item(f"terms of {profile['company']}: {'; '.join(profile['terms'])}", str(profile["id"]), "profile")


def _item(label: str, source: str, trust: str) -> dict[str, str]:
    return {"label": " ".join(label.split()), "source": source, "trust": trust}


def reasons(view: View, proposal: Proposal) -> tuple[str, ...]:
    """What in the evidence makes this decision hard, most important first."""
    order = view.content.get("order")
    if not order:
        return ()
    said = f"{view.task.get('mail', '')} {order['note']}".casefold()
    found = []
    if claims := [word for word in CLAIMS if word in said]:
        found.append(f"The customer's words speak of an approval ({', '.join(claims)}); nobody here gave one in them.")
    if refunded := [line["line"] for line in order["lines"] if line["refunded"]]:
        found.append(f"Refunded before: {', '.join(refunded)}.")
    named = set(proposal.arguments.get("refund_lines", ())) - {line["line"] for line in order["lines"]}
    if named:
        found.append(f"The order has no line {', '.join(sorted(map(str, named)))}.")
    return tuple(found)
