"""The refund desk's service over real HTTP, which counts what it does and misbehaves as it is told.

    GET  /orders/{order}      an order of the books
    POST /orders              {order, customer, currency, lines, invoices, note}: put one into the books
    POST /refunds             {order, line, amount} under the Idempotency-Key: once for a key
    GET  /refunds/{key}       the refund made under that key
    POST /payments            {invoice, vendor, amount} under the Idempotency-Key: once for a key
    GET  /effects             every refund and payment that took effect, in order

and /plan as the effect server has it; the target of a plan is `order:ID`, `refund:ORDER LINE` or `payment:INVOICE`.
Requests need the token. A request for what is not in the books, is paid back already or has another amount than the
books is *not* refused: it is for the agent's side to see that none comes, and a refusal would hide it.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import httpx
from typing_extensions import override

from evals.reliability.effect_server import Act, EffectServer, Handler
from evals.reliability.far_side import started

MODULE: Final = "evals.refund_desk"
ASKED_FOR: Final = "EVALS_DESK_TOKEN"
"""Variable that tells the service which token to ask for."""


class Books:
    """Orders, and what was paid. Behind one lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: dict[str, dict[str, Any]] = {}
        self._paid: dict[str, dict[str, Any]] = {}
        self.effects: list[dict[str, Any]] = []

    def put(self, order: dict[str, Any]) -> None:
        with self._lock:
            self._orders[order["order"]] = order

    def order(self, number: str) -> dict[str, Any] | None:
        with self._lock:
            return self._orders.get(number)

    def paid(self, key: str) -> dict[str, Any] | None:
        with self._lock:
            return self._paid.get(key)

    def pay(self, what: str, key: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Takes effect once for a key, and answers the same again."""
        with self._lock:
            if key not in self._paid:
                self._paid[key] = {**asked, what: f"{what}-{len(self.effects) + 1}"}
                self.effects.append({"what": what, "key": key, **asked})
            return self._paid[key]


class DeskHandler(Handler):
    """One request; what is not the desk's is the effect server's."""

    server: DeskServer

    @override
    def do_GET(self) -> None:
        room, _, name = self.path.strip("/").partition("/")
        books = self.server.books
        match room:
            case "effects":
                self._answer(200, {"effects": books.effects})
            case _ if not self._known():
                self._answer(401, {})
            case "orders":
                self._found(f"order:{unquote(name)}", books.order(unquote(name)))
            case "refunds":
                found = books.paid(unquote(name))
                self._answer(200 if found else 404, found or {})
            case _:
                super().do_GET()

    @override
    def do_POST(self) -> None:
        match self.path.strip("/"):
            case "orders":
                self.server.books.put(self._body())
                self._answer(200, {})
            case "plan":
                super().do_POST()
            case _ if not self._known():
                self._answer(401, {})
            case "refunds":
                asked = self._body()
                self._pay("refund", f"refund:{asked['order']} {asked['line']}", asked)
            case "payments":
                asked = self._body()
                self._pay("payment", f"payment:{asked['invoice']}", asked)
            case _:
                self._answer(404, {})

    def _pay(self, what: str, target: str, asked: dict[str, Any]) -> None:
        key = self.headers.get("Idempotency-Key") or secrets.token_hex(8)  # without a key, each counts
        self._misbehave(target, lambda: self.server.books.pay(what, key, asked))

    def _found(self, target: str, order: dict[str, Any] | None) -> None:
        if order is None:
            self._answer(404, {})
        else:
            self._misbehave(target, lambda: dict(order))

    def _known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {self.server.token}"


class DeskServer(EffectServer):
    def __init__(self, token: str) -> None:
        super().__init__(DeskHandler)
        self.books, self.token = Books(), token


@dataclass(frozen=True, slots=True)
class RunningDesk:
    """A desk in another process. `settings`: what leads the runtime to it."""

    url: str
    token: str
    client: httpx.Client

    @property
    def settings(self) -> dict[str, str]:
        return {"AUTONOMY_REFUNDS_URL": self.url, "AUTONOMY_REFUNDS_TOKEN": self.token}

    def put(self, order: dict[str, Any]) -> None:
        self.client.post("/orders", json=order).raise_for_status()

    def plan(self, target: str, *acts: Act) -> None:
        """What to do with the next requests for `target`, in order."""
        self.client.post("/plan", json={"target": target, "acts": list(acts)}).raise_for_status()

    def effects(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get("/effects").raise_for_status().json()["effects"]
        return found


@contextmanager
def refund_desk() -> Iterator[RunningDesk]:
    """Start a desk in a process of its own, and end it."""
    token = secrets.token_hex(8)
    with started(MODULE, {ASKED_FOR: token}) as url, httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        yield RunningDesk(url, token, client)


def an_order(number: str, **changes: Any) -> dict[str, Any]:
    """An order with two lines and a vendor's invoice."""
    lines = [
        {"line": "l1", "title": "Rain jacket", "amount": 8900, "refunded": False},
        {"line": "l2", "title": "Wool socks", "amount": 1900, "refunded": False},
    ]
    invoices = [{"invoice": f"i-{number}", "vendor": "parcel-riders", "amount": 650, "paid": False}]
    order = {"order": number, "customer": "kim@customer.example", "currency": "EUR", "lines": lines, "note": ""}
    return {**order, "invoices": invoices, **changes}


def main() -> None:
    """Serve until standard input closes."""
    server = DeskServer(os.environ[ASKED_FOR])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
