"""A model server over real HTTP that writes articles of ordinary length out of the words it was shown.

It speaks OpenAI's chat completions: it calls the first tool it is offered, and reports the same confidence always. It
can hold every answer back until it is told to go on, so that many calls are under way at once.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, cast

from bench.waiting import SECONDS

MODEL: Final = "bench-writer"
SECTIONS: Final = 12
WORDS: Final = 300
"""Words of a section."""

_NEXT: Final = re.compile(r'"name": "next_section", "data": \{"index": (\d+)')
_WORD: Final = re.compile(r"[A-Za-z][a-z]{2,}")
Json = dict[str, Any]


class Writer:
    """Writes the arguments of a call; no two are the same, or a refused proposal would be refused again unseen."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._chance = random.Random(7)  # noqa: S311  the same articles in each run

    def arguments(self, tool: str, shown: str) -> Json:
        number, words = next(self._numbers), _WORD.findall(shown)
        said = " ".join(self._chance.choices(words, k=12)).capitalize()
        if tool == "write_section":
            found = _NEXT.search(shown)
            return self._section(int(found[1]) if found else 0, words)
        if tool == "revise_article":
            return {"changes": [self._section(number % SECTIONS, words)], "note": f"Revision {number}: {said}."}
        made = _FIXED[tool]()
        for name in ("because", "angle", "description", "title"):
            if name in made:
                return made | {name: f"{made[name]} {number}: {said}"}
        return made

    def _section(self, index: int, words: list[str]) -> Json:
        sentences = [" ".join(self._chance.choices(words, k=20)).capitalize() + "." for _ in range(WORDS // 20)]
        return {"index": index, "markdown": " ".join(sentences), "citations": []}


def _intent() -> Json:
    shares = {"informational": 0.6, "commercial": 0.4, "transactional": 0.0, "navigational": 0.0}
    return {"distribution": shares, "format": "guide", "reader": "Someone who has to choose", "because": "Reading"}


def _angle() -> Json:
    return {"angle": "Position", "differs_because": "The results compare features.", "reader": "Someone who chooses"}


def _outline() -> Json:
    sections = [{"heading": f"Part {n + 1}", "purpose": "Know it", "questions": []} for n in range(SECTIONS)]
    return {"title": "A guide", "sections": sections}


def _draft() -> Json:
    return {"title": "A guide", "description": "Draft"}


_FIXED: Final[Mapping[str, Callable[[], Json]]] = {
    "fetch_pages": lambda: {"at_most": 10}, "set_intent": _intent, "set_angle": _angle, "set_outline": _outline,
    "save_draft": _draft, "publish_content": _draft, "check_article": dict,
}  # fmt: skip
_REPORT: Final = json.dumps({"rationale": "It fits.", "confidence": 0.8, "unresolved_assumptions": [], "evidence": []})


class ModelServer(ThreadingHTTPServer):
    """`asked` counts the requests that have come; no answer goes out before `may_answer` is set."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Completions)
        self.writer = Writer()
        self.writing = threading.Lock()
        self.asked = 0
        self.may_answer = threading.Event()

    @property
    def settings(self) -> dict[str, str]:
        """Settings of the application that lead here."""
        url = f"http://127.0.0.1:{self.server_port}/v1"
        return {
            "OPENAI_BASE_URL": url,
            "OPENAI_API_KEY": "none-is-needed",
            "AUTONOMY_MODEL": MODEL,
            "AUTONOMY_SAMPLES": "off",
        }


class _Completions(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server = cast("ModelServer", self.server)
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.writing:
            server.asked += 1
            message = _answer(server.writer, request)
        server.may_answer.wait(SECONDS * 20)
        stream = request.get("stream", False)
        body = "".join(_streamed(message)) if stream else json.dumps(_whole(message))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if stream else "application/json")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


def _answer(writer: Writer, request: Json) -> Json:
    shown = "\n".join(str(message["content"]) for message in request["messages"])
    if not request.get("tools"):
        return {"role": "assistant", "content": _REPORT}
    tool = request["tools"][0]["function"]["name"]
    arguments = json.dumps(writer.arguments(tool, shown))
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": tool, "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _whole(message: Json) -> Json:
    reason = "tool_calls" if "tool_calls" in message else "stop"
    return _about() | {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": _USAGE,
    }


def _streamed(message: Json) -> Iterator[str]:
    reason = "tool_calls" if "tool_calls" in message else "stop"
    said: list[Json] = [
        {"choices": [{"index": 0, "delta": message, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
        {"choices": [], "usage": _USAGE},
    ]
    for part in said:
        yield f"data: {json.dumps(_about() | {'object': 'chat.completion.chunk'} | part)}\n\n"
    yield "data: [DONE]\n\n"


_USAGE: Final = {"prompt_tokens": 1000, "completion_tokens": 400, "total_tokens": 1400}


def _about() -> Json:
    return {"id": "bench", "created": 0, "model": MODEL}


@contextmanager
def serving(*, held: bool = False) -> Iterator[ModelServer]:
    """The server, running. `held`: answers wait for `may_answer`."""
    with ModelServer() as server:
        if not held:
            server.may_answer.set()
        threading.Thread(target=server.serve_forever, name="model server", daemon=True).start()
        try:
            yield server
        finally:
            server.may_answer.set()
            server.shutdown()
