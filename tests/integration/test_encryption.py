"""What the database holds with and without a key, and what is never rebuilt from it."""

from __future__ import annotations

import base64
from itertools import pairwise
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from langgraph.checkpoint.serde.jsonplus import EXT_CONSTRUCTOR_KW_ARGS, EXT_CONSTRUCTOR_SINGLE_ARG
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from core.errors import AutonomyError, BadInput, ToolError
from graph.build import GraphState
from runtime.wiring import open_application
from store.database import Pool
from store.encryption import Cipher, heard, said
from store.serializer import StrictSerializer
from store.threads import ThreadStore
from store.transitions import TransitionSaver
from tests.integration.application import settings
from tests.integration.test_transitions import CONFIG, kinds, line, one
from tests.integration.threads import leased, new_thread

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(32)).decode()
MARKER = "crown-jewels"


class Loose(GraphState):
    word: str
    number: int


def tells(state: Any) -> dict[str, Any]:
    return {"word": MARKER, "number": 7_391_442_917, "results": {MARKER: {"text": MARKER}}}


def fails(state: Any) -> dict[str, Any]:
    raise ToolError(f"about {MARKER}", "tool_refused")


def graph_of(*nodes: Any) -> StateGraph[Any, Any, Any, Any]:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(Loose)
    names = [START, *(node.__name__ for node in nodes), END]
    for node in nodes:
        graph.add_node(node.__name__, node)
    for before, after in pairwise(names):
        graph.add_edge(before, after)
    return graph


async def saver_of(pool: Pool, key: str | None) -> TransitionSaver:
    cipher = None if key is None else Cipher.from_text(key)
    return TransitionSaver(pool, "t1", (await leased(pool)).epoch, cipher=cipher)


async def stored(pool: Pool) -> str:
    """Every column of every row that checkpoints and events have, as text; bytes as they are."""
    found = []
    async with pool.connection() as connection:
        for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "event"):
            for row in await (await connection.execute(f"select * from {table}")).fetchall():
                found += [value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in row.values()]
    return "\n".join(found)


async def run(saver: TransitionSaver, *nodes: Any) -> None:
    config: Any = {**CONFIG, "metadata": {"about": MARKER, "run_id": "run-1"}}
    try:
        await (
            graph_of(*nodes)
            .compile(checkpointer=saver)
            .ainvoke({"task": {"about": MARKER}, "word": MARKER}, config, durability="sync")
        )
    finally:
        await saver.flush()


@pytest.mark.parametrize("key", [None, KEY])
async def test_with_a_key_no_column_shows_what_the_state_and_its_errors_say(pool: Pool, key: str | None) -> None:
    await new_thread(pool)
    with pytest.raises(ToolError):
        await run(await saver_of(pool, key), tells, fails)
    text = await stored(pool)
    assert (MARKER in text) == (key is None)
    assert ("7391442917" in text) == (key is None)
    state = await graph_of(tells, fails).compile(checkpointer=await saver_of(pool, key)).aget_state(CONFIG)
    assert (state.values["word"], state.values["number"]) == (MARKER, 7_391_442_917)
    assert state.values["results"] == {MARKER: {"text": MARKER}}
    assert state.metadata is not None and (state.metadata["step"], state.metadata["run_id"]) == (1, "run-1")
    failure = (await ThreadStore(pool).timeline("t1"))[-2]
    assert heard(failure.body, None if key is None else Cipher.from_text(key)) == f"about {MARKER}"


async def test_a_thread_from_before_the_key_goes_on_with_it(pool: Pool) -> None:
    def keeps(state: Any) -> dict[str, Any]:
        return {"counters": {"steps": 1}}

    await new_thread(pool)
    with pytest.raises(ToolError):
        await run(await saver_of(pool, None), tells, fails)
    compiled = graph_of(tells, fails).compile(checkpointer=await saver_of(pool, KEY))
    assert (await compiled.aget_state(CONFIG)).values["word"] == MARKER
    keeps.__name__ = "fails"
    saver = await saver_of(pool, KEY)
    compiled = graph_of(tells, keeps).compile(checkpointer=saver)
    await compiled.ainvoke(None, CONFIG, durability="sync")
    values = (await compiled.aget_state(CONFIG)).values
    assert (values["word"], values["number"], values["counters"]) == (MARKER, 7_391_442_917, {"steps": 1})
    async with pool.connection() as connection:
        cursor = await connection.execute("select checkpoint from checkpoints order by checkpoint_id desc limit 1")
        latest = await cursor.fetchone()
    assert latest is not None and MARKER not in str(latest["checkpoint"])


@pytest.mark.parametrize(
    ("key", "says"), [(None, "is encrypted. Set AUTONOMY_ENCRYPTION_KEY"), (OTHER, "with another key")]
)
async def test_without_its_key_an_encrypted_thread_is_one_clear_error(pool: Pool, key: str | None, says: str) -> None:
    await new_thread(pool)
    await run(await saver_of(pool, KEY), tells)
    with pytest.raises(BadInput, match=says):
        await graph_of(tells).compile(checkpointer=await saver_of(pool, key)).aget_state(CONFIG)


async def test_a_value_that_was_changed_in_the_database_is_noticed(pool: Pool) -> None:
    await new_thread(pool)
    await run(await saver_of(pool, KEY), tells)
    async with pool.connection() as connection:
        await connection.execute("update checkpoint_blobs set blob = blob || '\\x00' where channel = 'word'")
    with pytest.raises(AutonomyError, match="changed in the database"):
        await graph_of(tells).compile(checkpointer=await saver_of(pool, KEY)).aget_state(CONFIG)


@pytest.mark.parametrize("text", ["short", base64.b64encode(b"x" * 31).decode(), "ä" * 44])
async def test_a_key_that_is_none_is_told_in_one_line(database_url: str, home: Path, text: str) -> None:
    with pytest.raises(BadInput, match="AUTONOMY_ENCRYPTION_KEY is not 32 bytes in base64. Make one: openssl"):
        async with open_application(settings(database_url, home, AUTONOMY_ENCRYPTION_KEY=text)):
            pass


async def test_the_setting_reaches_the_saver_of_every_run(database_url: str, home: Path) -> None:
    async with open_application(settings(database_url, home, AUTONOMY_ENCRYPTION_KEY=KEY)) as app:
        await new_thread(app.pool)
        saver = app.parts.saver(app.pool, "t1", (await leased(app.pool)).epoch)
        await line(one).compile(checkpointer=saver).ainvoke({"task": {MARKER: 1}}, CONFIG, durability="sync")
        assert MARKER not in await stored(app.pool)
        assert (await kinds(app.pool))[-1] == "decision"


def test_the_text_of_an_error_in_an_event_is_read_with_the_key_and_withheld_without() -> None:
    cipher = Cipher.from_text(KEY)
    body = said(MARKER, cipher)
    assert MARKER not in str(body)
    assert (heard(body, cipher), heard(body, None)) == (MARKER, "(encrypted)")


REBUILT: list[str] = []


class Dangerous:
    def __init__(self, *given: Any, **named: Any) -> None:
        REBUILT.append("ran")


class Model(BaseModel):
    name: str


@pytest.mark.parametrize("code", [EXT_CONSTRUCTOR_SINGLE_ARG, EXT_CONSTRUCTOR_KW_ARGS])
def test_a_class_of_ours_is_never_rebuilt_from_what_is_stored(code: int) -> None:
    payload: Any = "x" if code == EXT_CONSTRUCTOR_SINGLE_ARG else {"name": "x"}
    named = ormsgpack.packb((__name__, "Dangerous", payload))
    stored_value = ormsgpack.packb(ormsgpack.Ext(code, named))
    assert StrictSerializer().loads_typed(("msgpack", stored_value)) == payload
    assert REBUILT == []


def test_a_model_comes_back_as_its_fields_and_an_error_as_its_words() -> None:
    serde = StrictSerializer()
    assert serde.loads_typed(serde.dumps_typed(Model(name="x"))) == {"name": "x"}
    assert serde.loads_typed(serde.dumps_typed(ToolError("no", "storage"))) == "ToolError('no')"


@pytest.mark.parametrize("kind", ["json", "pickle"])
def test_forms_that_this_serialiser_never_writes_are_not_read(kind: str) -> None:
    with pytest.raises(AutonomyError, match=f"type {kind}, which this release does not write"):
        StrictSerializer().loads_typed((kind, b"{}"))
