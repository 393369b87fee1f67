"""The far side: a server of ours over real HTTP that counts effects, and misbehaves as it is told.

    POST /effects/{kind}    take effect under the Idempotency-Key; `kind` is idempotent, queryable or unsafe
    GET  /effects/{key}     whether a queryable effect happened
    GET  /looks/{target}    something to read
    POST /model/{target}    what the simulated planner asks, so that a model call is a call over a network
    POST /plan              {target, acts}: what to do with the next requests for `target`, one act each
    GET  /counts            {effects: {kind: {key: n}}, requests: {target: n}}

An act is {"act": …, "at": "received" | "applied", …}; see `Act`. State lives as long as the
process, which is never killed.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal, TypedDict
from urllib.parse import unquote

Kind = Literal["idempotent", "queryable", "unsafe"]
KINDS: Final[tuple[Kind, ...]] = ("idempotent", "queryable", "unsafe")
MODEL: Final = "model:"
"""What the target of a model call's plan starts with."""
_SILENCE: Final = 120.0
"""Seconds that a request is left without an answer; longer than any timeout of a caller."""


class Act(TypedDict, total=False):
    """One misbehaviour. `at` is the moment: before or after the effect."""

    act: Literal["delay", "silence", "reset", "status", "odd", "signal", "block"]
    at: Literal["received", "applied"]
    seconds: float
    """delay: how long the answer takes. block: for how long the caller is told to block."""
    status: int
    retry_after: int
    signal: Literal["KILL", "STOP"]
    """Sent to the process that the request's X-Caller names."""


class Effects:
    """What has taken effect, and what is still to go wrong."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._effects: dict[str, Counter[str]] = defaultdict(Counter)
        self._requests: Counter[str] = Counter()
        self._acts: dict[str, list[Act]] = defaultdict(list)

    def plan(self, target: str, acts: list[Act]) -> None:
        with self._lock:
            self._acts[target] = list(acts)

    def next_act(self, target: str) -> Act:
        with self._lock:
            self._requests[target] += 1
            return self._acts[target].pop(0) if self._acts.get(target) else Act()

    def apply(self, kind: str, key: str) -> int:
        """Take effect: once for an idempotent key, each time for the others. Returns how often it has."""
        with self._lock:
            if kind != "idempotent" or not self._effects[kind][key]:
                self._effects[kind][key] += 1
            return self._effects[kind][key]

    def happened(self, key: str) -> bool:
        with self._lock:
            return self._effects["queryable"][key] > 0

    def counts(self) -> dict[str, Any]:
        with self._lock:
            effects = {kind: dict(counted) for kind, counted in self._effects.items()}
            return {"effects": effects, "requests": dict(self._requests)}


class Handler(BaseHTTPRequestHandler):
    """One request. Answers are JSON; connections are kept, as callers' clients keep them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: EffectServer

    def do_POST(self) -> None:
        body = self._body()
        room, _, name = self.path.strip("/").partition("/")
        match room:
            case "plan":
                self.server.effects.plan(body["target"], body["acts"])
                self._answer(200, {})
            case "model":
                self._misbehave(MODEL + unquote(name), lambda: {})
            case "effects" if name in KINDS:
                self._misbehave(body["target"], lambda: self._effect(name))
            case _:
                self._answer(404, {})

    def do_GET(self) -> None:
        room, _, name = self.path.strip("/").partition("/")
        match room:
            case "counts":
                self._answer(200, self.server.effects.counts())
            case "looks":
                self._misbehave(unquote(name), lambda: {"seen": unquote(name)})
            case "effects":
                found = self.server.effects.happened(name)
                self._answer(200 if found else 404, {"receipt": name} if found else {})
            case _:
                self._answer(404, {})

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")

    def _effect(self, kind: str) -> dict[str, Any]:
        key = self.headers["Idempotency-Key"]
        self.server.effects.apply(kind, key)
        return {"receipt": key}

    def _misbehave(self, target: str, apply: Any) -> None:
        """Answer the request, with the act that is planned for it before or after `apply`."""
        act = self.server.effects.next_act(target)
        early = act.get("at") == "received"
        if act and early and self._act(act):
            return
        answer = apply()
        if act and not early and self._act(act):
            return
        if act.get("act") == "odd":
            answer = {"unexpected": True}
        if act.get("act") == "block":
            answer |= {"block": act["seconds"]}
        self._answer(200, answer)

    def _act(self, act: Act) -> bool:
        """Whether the request is over with it."""
        match act["act"]:
            case "delay":
                time.sleep(act["seconds"])
            case "signal":
                os.kill(int(self.headers["X-Caller"]), getattr(signal, f"SIG{act['signal']}"))
            case "status":
                asked = {"Retry-After": str(act["retry_after"])} if "retry_after" in act else {}
                self._answer(act["status"], {}, asked)
                return True
            case "reset":
                self._reset()
                return True
            case "silence":
                self._wait_for_the_end()
                return True
            case "odd" | "block":
                pass
        return False

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _wait_for_the_end(self) -> None:
        self.close_connection = True
        self.connection.settimeout(_SILENCE)
        with suppress(OSError):
            self.connection.recv(1)  # returns when the caller gives up

    def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: what happened is in the counts."""


class EffectServer(ThreadingHTTPServer):
    """Listens on a free port of this machine only."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler: type[Handler] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), handler or Handler)
        self.effects = Effects()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that was killed while it was answered is what this server is for; anything else is shown."""
        if not isinstance(sys.exception(), OSError | ValueError):
            super().handle_error(request, client_address)


def main() -> None:
    """Serve until standard input closes, which it does when the process that started this one ends."""
    server = EffectServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
