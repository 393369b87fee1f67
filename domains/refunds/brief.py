"""The files that show the work so far: the drafted reply, with what it rests on."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain import View
from domains.refunds.explain import money
from domains.refunds.progress import OFFLINE

OFFLINE_NOTE = "A form letter filled in without a language model. Read it as such; nothing was sent and nothing paid."


def exports(view: View) -> Mapping[str, str]:
    """Nothing before there is a reply."""
    content = view.content
    if "reply" not in content:
        return {}
    order, reply = content["order"], content["reply"]
    lines = [f"# Reply about order {order['order']}", "", f"To: {order['customer']}", ""]
    if view.task.get("model") == OFFLINE:
        lines += [f"> {OFFLINE_NOTE}", ""]
    lines += [reply["text"].strip(), "", "## Money", ""]
    done = [name for name in sorted(content) if name.startswith(("refund:", "payment:"))]
    lines += [f"- {_paid(name, content[name], order['currency'])}" for name in done] or ["- Nothing was paid."]
    return {f"refunds/{order['order']}/reply.md": "\n".join([*lines, ""])}


def _paid(name: str, result: Mapping[str, object], currency: str) -> str:
    amount = money(result["amount"], currency)
    if name.startswith("refund:"):
        return f"Refund {result['refund']}: line {result['line']}, {amount}"
    return f"Payment {result['payment']}: {result['vendor']}, invoice {result['invoice']}, {amount}"
