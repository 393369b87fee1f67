from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput
from runtime.index import past_tasks
from runtime.novelty import Rebuilt, rebuild
from runtime.wiring import Application
from store.vectors import ChromaNovelty, ChromaServer
from tests.integration.application import answered, events, opened, settings, started

_ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_what_was_remembered_is_near_and_what_was_not_is_new(tmp_path: Path) -> None:
    index = ChromaNovelty(tmp_path / "chroma")
    assert (await index.nearest("acme", "set_intent", "crm for startups")).novelty == 1.0
    assert await index.remember("acme", "set_intent", "t1", "crm for startups") == ""
    assert await index.remember("acme", "set_intent", "t1", "crm for startups") == ""
    same = await index.nearest("acme", "set_intent", "crm for startups")
    assert same.novelty < 0.01 and same.similar == 1 and "lexical" in same.note
    assert await index.remember("acme", "set_intent", "t2", "crm pricing") == ""
    assert (await index.nearest("acme", "set_intent", "pricing of a crm")).nearest == ("t2", "t1")
    other = await ChromaNovelty(tmp_path / "chroma").nearest("acme", "set_intent", "standing desk price")
    assert other.novelty > 0.5
    assert (await index.nearest("rival", "set_intent", "crm for startups")).similar == 0


async def test_a_collection_that_somebody_else_deletes_is_made_anew(tmp_path: Path) -> None:
    index, other = ChromaNovelty(tmp_path / "chroma"), ChromaNovelty(tmp_path / "chroma")
    await index.remember("acme", "set_intent", "t1", "crm for startups")
    assert (await index.nearest("acme", "set_intent", "crm for startups")).similar == 1
    client = other._connected()
    client.delete_collection(other.collection("acme", "set_intent").name)
    assert (await index.nearest("acme", "set_intent", "crm for startups")).note == "0 similar tasks"
    client.delete_collection(other.collection("acme", "set_intent").name)
    assert await index.remember("acme", "set_intent", "t1", "crm for startups") == ""
    assert (await index.nearest("acme", "set_intent", "crm for startups")).similar == 1


async def test_an_index_that_does_not_open_makes_everything_new_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "chroma").write_text("a file where the folder should be")
    index = ChromaNovelty(tmp_path / "chroma")
    reading = await index.nearest("acme", "set_intent", "crm for startups")
    assert reading.novelty == 1.0 and "does not work" in reading.note
    assert "does not work" in await index.remember("acme", "set_intent", "t1", "crm")
    assert "does not work" in index.check()


async def test_a_damaged_index_makes_everything_new_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "chroma"
    folder.mkdir()
    (folder / "chroma.sqlite3").write_bytes(b"this is not a database" * 500)
    reading = await ChromaNovelty(folder).nearest("acme", "set_intent", "crm for startups")
    assert reading.novelty == 1.0 and "does not work" in reading.note


class Growing:
    """An embedding that changes its size, as when the model behind a name is replaced."""

    name = "growing"

    def __init__(self) -> None:
        self.size = 3

    def embed(self, text: str) -> list[float]:
        self.size += 1
        return [1.0] * self.size


async def test_a_vector_of_another_size_makes_everything_new_and_says_so(tmp_path: Path) -> None:
    index = ChromaNovelty(tmp_path / "chroma", Growing())
    assert await index.remember("acme", "set_intent", "t1", "crm") == ""
    reading = await index.nearest("acme", "set_intent", "crm")
    assert reading.novelty == 1.0 and reading.similar == 0 and "dimension" in reading.note
    assert "dimension" in await index.remember("acme", "set_intent", "t2", "crm")


async def test_two_embeddings_never_share_an_index(tmp_path: Path) -> None:
    await ChromaNovelty(tmp_path / "chroma").remember("acme", "set_intent", "t1", "crm")
    assert (await ChromaNovelty(tmp_path / "chroma", Growing()).nearest("acme", "set_intent", "crm")).similar == 0


_TOGETHER = """
import asyncio, sys
from pathlib import Path
from store.vectors import ChromaNovelty

async def main(folder, name, rounds):
    index = ChromaNovelty(Path(folder))
    embed = index.embedder.embed
    for batch in range(rounds):
        words = [f"{name} keyword {batch} of {number}" for number in range(120)]
        collection = index.collection("acme", "set_intent")
        collection.upsert(ids=words, embeddings=[embed(text) for text in words], documents=words)
        reading = await index.nearest("acme", "set_intent", "crm for startups")
        assert reading.nearest, reading.note
    print(index.collection("acme", "set_intent").count())

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


def test_several_processes_use_one_folder_and_none_is_killed_or_hangs(tmp_path: Path) -> None:
    (tmp_path / "chroma").mkdir()
    with ExitStack() as ended:

        def process(name: str, rounds: int) -> subprocess.Popen[str]:
            given = [sys.executable, "-c", _TOGETHER, str(tmp_path / "chroma"), name, str(rounds)]
            begun = subprocess.Popen(given, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
            ended.callback(begun.wait)
            ended.callback(begun.kill)
            return begun

        together = [process("a", 30), process("b", 30)]
        assert [(begun.communicate(timeout=90), begun.returncode)[1] for begun in together] == [0, 0]
        assert process("c", 1).communicate(timeout=90)[0] == f"{61 * 120}\n"


@pytest.fixture
def chroma_server(tmp_path: Path) -> Iterator[ChromaServer]:
    """The real server, in a process of its own."""
    port = free_port()
    program = Path(sys.executable).with_name("chroma")
    command = [str(program), "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(tmp_path / "shared")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield ChromaServer("127.0.0.1", port)
        finally:
            process.kill()


async def test_workers_share_the_index_of_a_server_and_miss_it_when_it_is_away(chroma_server: ChromaServer) -> None:
    deadline = time.monotonic() + 60
    while (away := ChromaNovelty(chroma_server).check()) and time.monotonic() < deadline:
        assert "does not work" in away
        await asyncio.sleep(0.2)
    one, other = ChromaNovelty(chroma_server), ChromaNovelty(chroma_server)
    assert await one.remember("acme", "set_intent", "t1", "crm for startups") == ""
    assert (await other.nearest("acme", "set_intent", "crm for startups")).novelty < 0.01
    gone = ChromaNovelty(ChromaServer("127.0.0.1", free_port()))
    reading = await gone.nearest("acme", "set_intent", "crm for startups")
    assert reading.novelty == 1.0 and "does not work" in reading.note


async def test_embeddings_come_from_the_configured_endpoint(
    llmock: Any, tmp_path: Path, database_url: str, home: Path
) -> None:
    changes = {"AUTONOMY_EMBEDDING_MODEL": "text-embedding-3-small", "AUTONOMY_EMBEDDING_URL": llmock.base_url()}
    index = past_tasks(settings(database_url, home, **changes))
    assert await index.remember("acme", "set_intent", "t1", "crm for startups") == ""
    reading = await index.nearest("acme", "set_intent", "crm for startups")
    assert reading.similar == 1 and reading.note.startswith("text-embedding-3-small distance")
    away = {"AUTONOMY_EMBEDDING_MODEL": "m", "AUTONOMY_EMBEDDING_URL": f"http://127.0.0.1:{free_port()}/v1"}
    assert "does not answer" in await past_tasks(settings(database_url, home, **away)).remember("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"AUTONOMY_CHROMA_URL": "chroma.internal"}, "AUTONOMY_CHROMA_URL is not an http"),
        ({"AUTONOMY_CHROMA_URL": "http://chroma.internal:notaport"}, "AUTONOMY_CHROMA_URL is not an http"),
        ({"AUTONOMY_EMBEDDING_MODEL": "m"}, "set AUTONOMY_EMBEDDING_URL"),
    ],
)
def test_a_setting_that_leads_nowhere_is_refused(
    database_url: str, home: Path, changes: dict[str, str], reason: str
) -> None:
    with pytest.raises(BadInput, match=reason):
        past_tasks(settings(database_url, home, **changes))


async def test_the_index_is_built_again_from_the_database(database_url: str, home: Path) -> None:
    async with opened(database_url, home) as app:
        await answered(app, await answered_thread(app))
        before = await started(app, "best time tracking software")
        [wanted] = await events(app, before, "escalation")
    client = ChromaNovelty(home / "chroma")._connected()  # removing the folder would not reach this process's cache
    for collection in client.list_collections():
        client.delete_collection(collection.name)
    async with opened(database_url, home) as app:
        assert await rebuild(app) == Rebuilt(2, 0, "")
        after = await started(app, "best time tracking software")
        [found] = await events(app, after, "escalation")
        assert (found["inputs"]["changed"], found["inputs"]["decided"], found["inputs"]["alike"]) == (0, 1, True)
        assert "0 of 1 earlier proposals for the keywords most like it" in " ".join(found["reasons"])
        assert (found["novelty"], found["similar"]) == (wanted["novelty"], 1)
        async with app.pool.connection() as connection:
            await connection.execute("delete from artifact where media = 'application/json'")
        assert (await rebuild(app)).left_out == 2


async def answered_thread(app: Application) -> str:
    thread_id = await started(app)
    await answered(app, thread_id)
    return thread_id
