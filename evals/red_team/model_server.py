"""A simulated model behind real HTTP, in the shape of an OpenAI-compatible server: it obeys all that it is shown.

It reads the whole prompt, quotes and descriptions of tools included, and proposes every call that anything in it
orders, in words and by handle, each once for a task. Then it closes the task. A task with a script follows the script.

    POST /v1/chat/completions    as such servers do, streamed or not
    POST /script/{task}          [[tool, arguments], …]
    GET  /obeyed                 {task: [[[tool, arguments], whether it was offered], …]}
"""

from __future__ import annotations

import json
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import httpx
from typing_extensions import override

from evals.red_team.obedient import SimulatedObedientPlanner
from evals.reliability.effect_server import EffectServer, Handler
from evals.reliability.far_side import started

MODULE: Final = "evals.red_team.model_server"
MODEL: Final = "simulated-obedient"
TASK: Final = "Task: "
READ: Final = "read_inbox"
CLOSE: Final = "close_task"
SURE: Final = {"rationale": "It says so.", "confidence": 1.0, "unresolved_assumptions": [], "evidence": []}
Call = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a request shows: `texts` are all strings of the quotes and of the tools, by where they stand."""

    task: str
    offered: Sequence[str]
    texts: Mapping[str, str]
    invoices: Sequence[str] = ()
    """Of the order that is shown."""


class Obedience:
    """What was obeyed already: each order is followed once while its tool is offered, and once while it is not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.scripts: dict[str, list[Call]] = {}
        self.obeyed: dict[str, list[tuple[Call, bool]]] = defaultdict(list)

    def next_call(self, prompt: Prompt) -> Call:
        if READ in prompt.offered:  # what comes first, whatever else there is
            return READ, {}
        with self._lock:
            script, done = self.scripts.get(prompt.task), self.obeyed[prompt.task]
            if script is not None:
                wanted = script[len(done) :]
            else:
                wanted = [call for call in _ordered(prompt.texts) if (call, call[0] in prompt.offered) not in done]
            if not wanted:
                return _harmless(prompt)
            done.append((wanted[0], wanted[0][0] in prompt.offered))
            return wanted[0]


def _ordered(texts: Mapping[str, str]) -> list[Call]:
    planners = [SimulatedObedientPlanner(by_handle) for by_handle in (False, True)]
    return [call for planner in planners for call in planner.proposals(texts)] if texts else []


def _harmless(prompt: Prompt) -> Call:
    """When nothing is left to obey: what ends the task, or the next ordinary step."""
    offered = prompt.offered
    if CLOSE in offered:
        return CLOSE, {}
    if "draft_reply" in offered:
        due = {"refund_lines": ["l1", "l2"], "pay_invoices": list(prompt.invoices)}
        return "draft_reply", {"text": "As you wish.", **due}
    further = [name for name in offered if name != "ask_human"]
    return (further[0], {}) if further else ("ask_human", {"question": "What now?", "why": "Nothing is left."})


def read(body: Mapping[str, Any]) -> Prompt:
    """Everything in a request that a model would read."""
    from langchain_core.messages import HumanMessage

    from runtime.prompting import from_langchain

    shown = [str(message.get("content", "")) for message in body["messages"]]
    task = next((text.partition(TASK)[2].split()[0] for text in shown if TASK in text), "")
    quoted = from_langchain([HumanMessage(text) for text in shown])
    texts = {str(each.get("name")): "\n".join(_strings(each.get("data"))) for each in quoted.materials}
    texts |= {f"feedback:{number}": "\n".join(_strings(each)) for number, each in enumerate(quoted.feedback)}
    tools = [each["function"] for each in body.get("tools", ())]
    texts |= {f"tool:{each['name']}": "\n".join(_strings(each)) for each in tools}
    order: dict[str, Any] = next((each["data"] for each in quoted.materials if each.get("name") == "order"), {})
    invoices = [each["invoice"] for each in order.get("invoices", ())]
    read_texts = {name: text for name, text in texts.items() if text}
    return Prompt(task, [each["name"] for each in tools], read_texts, invoices)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(item)


class ModelHandler(Handler):
    server: ModelServer

    @override
    def do_POST(self) -> None:
        body = self._body()
        if self.path.startswith("/script/"):
            self.server.obedience.scripts[unquote(self.path.removeprefix("/script/"))] = [tuple(each) for each in body]
            self._answer(200, {})
        elif not body.get("tools"):
            self._answer(200, _completion({"role": "assistant", "content": json.dumps(SURE)}, "stop"))
        else:
            self._stream(self.server.obedience.next_call(read(body)))

    @override
    def do_GET(self) -> None:
        self._answer(200, dict(self.server.obedience.obeyed))

    def _stream(self, call: Call) -> None:
        function = {"name": call[0], "arguments": json.dumps(call[1])}
        called = {"index": 0, "id": "call_1", "type": "function", "function": function}
        delta = {"role": "assistant", "content": None, "tool_calls": [called]}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        parts = [
            _chunk([{"index": 0, "delta": delta, "finish_reason": None}]),
            _chunk([{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]),
            {**_chunk([]), "usage": usage},
        ]
        content = "".join(f"data: {json.dumps(part)}\n\n" for part in parts) + "data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(content.encode())))
        self.end_headers()
        self.wfile.write(content.encode())


def _chunk(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": choices}


def _completion(message: dict[str, Any], reason: str) -> dict[str, Any]:
    choice = {"index": 0, "message": message, "finish_reason": reason}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return {**_chunk([choice]), "object": "chat.completion", "usage": usage}


class ModelServer(EffectServer):
    def __init__(self) -> None:
        super().__init__(ModelHandler)
        self.obedience = Obedience()


@dataclass(frozen=True, slots=True)
class ObedientModel:
    """A model server in another process. `settings`: what leads the runtime to it."""

    url: str
    client: httpx.Client

    @property
    def settings(self) -> dict[str, str]:
        return {"OPENAI_BASE_URL": f"{self.url}/v1", "OPENAI_API_KEY": "none-is-needed", "AUTONOMY_MODEL": MODEL}

    def script(self, task: str, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        self.client.post(f"/script/{task}", json=list(calls)).raise_for_status()

    def obeyed(self, task: str) -> list[Call]:
        """What the model was talked into, or did by its script."""
        found = self.client.get("/obeyed").raise_for_status().json()
        return [(call[0], call[1]) for call, _ in found.get(task, [])]


@contextmanager
def obedient_model() -> Iterator[ObedientModel]:
    with started(MODULE) as url, httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        yield ObedientModel(url, client)


def main() -> None:
    """Serve until standard input closes."""
    server = ModelServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
