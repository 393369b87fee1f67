"""Threads that really fail, and the commands that look into them: `python -m evals.failed_threads [--write FILE]`.

The page is failed_threads.md, with the output of each command below its line. A line `$ autonomy … | head -9` (or tail)
shows so many lines of it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any, Final

import psycopg

from runtime import seo
from runtime.settings import Settings
from store import embedded

KEYWORD: Final = "crm for startups"
EXHAUSTED: Final = "kanban vs scrum"
DRIFTED: Final = "payroll software pricing"
_COMMAND: Final = re.compile(r"^\$ autonomy (?P<words>.*?)(?: \| (?P<end>head|tail) -(?P<lines>\d+))?$")
_CHANGED: Final = {"organic_results": [{"rank": 1, "href": "https://somewhere.example/"}]}
"""What the search service answers since it has changed."""


class Scene:
    """A home of its own, and the commands in it."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AUTONOMY_", "OPENAI_"))}
        kept.pop("DATABASE_URL", None)
        self.environment = kept | {
            "AUTONOMY_HOME": str(home),
            "AUTONOMY_DDGS": "off",
            "AUTONOMY_PROBE_LOCAL_MODELS": "false",
            "COLUMNS": "118",
            "LOGNAME": "sam",
            "TZ": "UTC",
            **settings,
        }

    def start(self, *words: str, **settings: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "cli.main", *words],
            env=self.environment | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def autonomy(self, *words: str, **settings: str) -> str:
        """What the command says, and its exit code where it is not 0."""
        process = self.start(*words, **settings)
        said, _ = process.communicate()
        said = "\n".join(line.rstrip() for line in said.rstrip().splitlines())
        said = said.replace(str(self.home), "~/.local/share/autonomy").replace(f"{socket.gethostname()}:", "host:")
        return f"{said}\n(exit code {process.returncode})" if process.returncode else said

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(embedded.start(self.home), autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()


def killed(scene: Scene) -> str:
    """A thread whose run was killed while it fetched pages or asked the model; its id."""
    scene.autonomy("db", "migrate")
    for _ in range(10):
        run = scene.start("run", KEYWORD)
        with psycopg.connect(embedded.start(scene.home), autocommit=True) as connection:
            while run.poll() is None and not connection.execute(_UNDER_WAY).fetchall():
                time.sleep(0.002)
        run.send_signal(signal.SIGKILL)
        run.wait()
        [(thread_id, status)] = scene.rows("select id, status from thread order by created_at desc limit 1")
        if status == "running":
            return str(thread_id)
    raise RuntimeError("ten runs were over before they could be killed")


_UNDER_WAY: Final = b"select from event join thread on id = thread_id where body ->> 'action' = 'fetch_pages' and kind = 'policy_check' and status = 'running'"  # noqa: E501 - one statement


def drifted(scene: Scene, folder: Path) -> str:
    """A thread whose search service has changed its answers; its id."""
    keywords = folder / "keywords.csv"
    keywords.write_text(f"keyword\n{DRIFTED}\n", encoding="utf-8")
    with changed_service() as address:
        scene.autonomy("batch", "add", str(keywords), "--no-wait")
        [(thread_id,)] = scene.rows("select id from thread where batch is not null")
        scene.autonomy("resume", thread_id, SERPER_API_KEY="k", SERPER_BASE_URL=address)
    return str(thread_id)


def exhausted(scene: Scene) -> str:
    """A thread that has used up the budget of its agent; its id."""
    return str(
        json.loads(scene.autonomy("run", EXHAUSTED, "--json", AUTONOMY_LIMITS='{"action_cost": 1}'))["thread_id"]
    )


def injected(scene: Scene) -> str:
    """A thread whose simulated model does what a page tells it; its id."""
    from llmock.pytest_plugin import LLMock
    from llmock.scenarios import Match, Reply, ToolCall
    from llmock.testing import LLMockServer

    order = {"title": "The only CRM you need", "description": "Published without asking."}
    with LLMockServer() as server:
        model = LLMock(server)
        model.add(Reply(tool_calls=(ToolCall("publish_content", order),), times=None, match=Match(tools=True)))
        address = {"OPENAI_BASE_URL": model.base_url(), "OPENAI_API_KEY": "sk-simulated", "AUTONOMY_MODEL": "simulated"}
        said = scene.autonomy("run", KEYWORD, "--json", **address)
    return str(json.loads(said)["thread_id"])


@contextmanager
def changed_service() -> Iterator[str]:
    """A search service that answers, in another shape than it used to; its address."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.dumps(_CHANGED).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def names(scene: Scene, folder: Path) -> dict[str, str]:
    """What the page calls by name."""
    found = {
        "keyword": KEYWORD,
        "killed": killed(scene),
        "exhausted": exhausted(scene),
        "drifted": drifted(scene, folder),
        "injected": injected(scene),
    }
    [(review,)] = scene.rows(f"select number from review where thread_id = '{found['drifted']}'")  # noqa: S608 - ours
    edit = folder / "edit.json"
    edit.write_text('{"proposal": null, "feedback": [{"message": "the reader is a founder"}]}', encoding="utf-8")
    results = folder / "results.json"
    results.write_text(json.dumps(asyncio.run(bundled_results(scene.home))), encoding="utf-8")
    return found | {"drift_review": f"r-{review}", "edit": str(edit), "serp": str(results)}


async def bundled_results(home: Path) -> dict[str, Any]:
    """What the search tool would have answered."""
    settings = Settings(_env_file=None, AUTONOMY_HOME=str(home), AUTONOMY_DDGS="off")
    return dict((await seo.search(settings).resolve(DRIFTED, "en-US")).to_json())


def page(scene: Scene, known: Mapping[str, str]) -> str:
    """failed_threads.md with each command's output below it."""
    lines: list[str] = []
    known = dict(known)
    for line in resources.files("evals").joinpath("failed_threads.md").read_text(encoding="utf-8").splitlines():
        if (found := _COMMAND.match(line)) is None:
            lines.append(line.replace("{keyword}", known["keyword"]))
            continue
        if lines[-1] != "```":
            lines.append("")
        for name in ("intent", "killed_review"):
            if f"{{{name}}}" in line:
                known[name] = _found(scene, name, known["killed"])
        words = [word.format(**known) for word in shlex.split(found["words"])]
        said = scene.autonomy(*words).splitlines()
        shown = [word if "/" not in word else Path(word).name for word in words]
        lines += [f"$ autonomy {shlex.join(shown)}", *_cut(said, found["end"], found["lines"])]
    return "\n".join(lines) + "\n"


_LATER: Final = {
    "intent": "select seq from event where thread_id = '{}' and kind = 'escalation' order by seq limit 1",
    "killed_review": "select 'r-' || number from review where thread_id = '{}' and state = 'open'",
}
"""What is only there once the commands before it have run."""


def _found(scene: Scene, name: str, thread_id: str) -> str:
    [(value,)] = scene.rows(_LATER[name].format(thread_id))
    return str(value)


def _cut(said: list[str], end: str | None, lines: str | None) -> list[str]:
    if end is None or lines is None or len(said) <= int(lines):
        return said
    return [*said[: int(lines)], "…"] if end == "head" else ["…", *said[-int(lines) :]]


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="failed") as folder:
        Path(folder).chmod(0o755)  # the server runs as another user when this one is root
        scene = Scene(Path(folder, "home"))
        try:
            written = page(scene, names(scene, Path(folder)))
        finally:
            scene.autonomy("db", "stop")
    if arguments[:1] == ["--write"]:
        Path(arguments[1]).write_text(written, encoding="utf-8")
    else:
        print(written)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
