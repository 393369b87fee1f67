"""A person takes a blocker over, does it, and hands it back; what they enter as a secret reaches the tool alone."""

from __future__ import annotations

import base64
import io
import logging
import stat
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from cli import handoffs as command
from core.errors import AlreadyDecided, AutonomyError, BadInput, ToolError
from core.ports import ToolContext, ToolOutput
from core.vocabulary import Idempotency
from runtime import threads
from runtime.handoffs import HandBack, hand_back, take_over
from runtime.keys import cipher_for_secrets, kept_key
from runtime.replay.run import replay
from runtime.threads import Person
from runtime.wiring import Application
from store.operations import OperationStore
from store.roles import EVERY_TENANT, RoleStore
from tests.integration.application import DANA, events, settings, waiting
from tests.integration.shop import Till, begun, shop

SAM = Person("sam")
SECRET = 'kraken4711/"ü+&=%?>~'
TRACES = ("kraken4711", base64.b64encode(SECRET.encode()).decode())
"""What is looked for: a part that no quoting changes, and another spelling."""
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
DRIFT = {"receipt": ""}


async def blocked(app: Application) -> tuple[str, int]:
    """A thread whose tool is in the way, and the number of its review."""
    thread_id = await begun(app)
    await threads.advance(app, thread_id)
    review = await waiting(app, thread_id)
    assert review["kind"] == "blocker"
    return thread_id, review["number"]


async def test_what_was_taken_over_is_done_by_hand_and_carries_on_with_the_result(
    database_url: str, home: Path
) -> None:
    till = Till([DRIFT])
    async with shop(database_url, home, till, idempotency="idempotent") as app:
        thread_id, number = await blocked(app)
        await take_over(app, number, DANA)
        await take_over(app, number, DANA)  # twice changes nothing
        assert (await app.threads.get(thread_id))["status"] == "taken_over"
        assert [row["taken_over_by"] for row in await app.reviews.inbox(None, 5)] == ["dana"]
        assert (await threads.advance(app, thread_id))["status"] == "taken_over"  # nothing runs meanwhile
        with pytest.raises(BadInput, match="no result of charge"):
            await hand_back(app, number, DANA, HandBack('{"receipt": ""}'))
        await hand_back(app, number, DANA, HandBack('{"receipt": "from the desk"}'))
        assert (await threads.advance(app, thread_id))["status"] == "done"
        answers = [body["answer"] for body in await events(app, thread_id, "review_decided")]
        assert answers == ["take_over", "hand_back"]
        [finished] = await events(app, thread_id, "thread_finished")
        assert finished["status"] == "done" and len(till.sent) == 1
        assert (await replay(app, await app.threads.get(thread_id))).difference is None


async def test_what_a_person_did_by_hand_no_other_thread_does_again(database_url: str, home: Path) -> None:
    till = Till([ToolError("The till is closed.", "missing_evidence")])
    async with shop(database_url, home, till) as app:
        _, number = await blocked(app)
        await take_over(app, number, DANA)
        await hand_back(app, number, DANA, HandBack('{"receipt": "from the desk"}'))
        other = await begun(app)
        assert (await threads.advance(app, other))["status"] == "done"
        [call] = await events(app, other, "tool_call")
        assert call["replayed"] and len(till.sent) == 1
        [operation] = await OperationStore(app.pool).newest(None, 5)
        assert (operation["state"], operation["summary"]) == ("succeeded", "dana did it by hand")


async def test_only_who_has_taken_it_over_hands_it_back(
    database_url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop(database_url, home, Till([DRIFT, DRIFT]), idempotency="idempotent") as app:
        thread_id, number = await blocked(app)
        with pytest.raises(BadInput, match="was not taken over") as error:
            await hand_back(app, number, DANA, HandBack("done"))
        assert error.value.exit_code == 2
        await take_over(app, number, DANA)
        with pytest.raises(AlreadyDecided, match="taken over by dana"):
            await take_over(app, number, SAM)
        with pytest.raises(BadInput, match="only they can hand it back"):
            await hand_back(app, number, SAM, HandBack("done"))
        with pytest.raises(AlreadyDecided, match="taken over by dana"):
            await threads.decide(app, number, "respond", SAM, message="abandon")
        await hand_back(app, number, DANA, HandBack("the till is repaired"))
        with pytest.raises(AlreadyDecided, match="hand_back, by dana"):
            await hand_back(app, number, DANA, HandBack("again"))
        await threads.advance(app, thread_id)
        second = await waiting(app, thread_id)
        await take_over(app, second["number"], SAM)
        await threads.decide(app, second["number"], "respond", SAM, message="abandon")
        assert (await threads.advance(app, thread_id))["status"] == "stopped"


async def test_where_people_have_roles_a_blocker_takes_a_reviewer(database_url: str, home: Path) -> None:
    lee = Person("lee", verified=True)
    async with shop(database_url, home, Till([DRIFT]), idempotency="idempotent") as app:
        _, number = await blocked(app)
        await RoleStore(app.pool).set("lee", EVERY_TENANT, "admin", lee)
        await RoleStore(app.pool).set("sam", "acme", "viewer", lee)
        for nobody in (Person("sam", verified=True), Person("dana", verified=True), Person("lee")):
            with pytest.raises(BadInput, match="only a reviewer does a blocker's work by hand"):
                await take_over(app, number, nobody)
        await take_over(app, number, lee)
        with pytest.raises(BadInput, match="only a reviewer does a blocker's work by hand"):
            await hand_back(app, number, Person("lee"), HandBack("done"))
        await hand_back(app, number, lee, HandBack("done"))


async def test_only_a_blocker_is_taken_over(database_url: str, home: Path) -> None:
    async with shop(database_url, home, Till(), "staging") as app:
        thread_id = await begun(app)
        await threads.advance(app, thread_id)
        review = await waiting(app, thread_id)
        with pytest.raises(BadInput, match="is a action; only a blocker|is an action; only a blocker"):
            await take_over(app, review["number"], DANA)


def found_in(text: str) -> list[str]:
    return [trace for trace in TRACES if trace in text]


class Door(Till):
    """Asks for a code, and repeats it wherever a careless tool would."""

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        code = await context.secret("one_time_code")
        self.sent.append(code)
        logging.getLogger("door").debug("opened")
        if len(self.sent) == 1:
            raise ToolError(f"The door refused the code {code}.", "tool_drift")
        if len(self.sent) == 2:
            raise RuntimeError(f"a careless library, {code!r}")
        page = await context.artifacts.put("acme", f"<p>{code}</p>", "text/html", f"door?code={code}", "untrusted")
        return ToolOutput(
            {"receipt": f"opened with {code}"},
            {"page": page},
            summary=f"the code was {base64.b64encode(code.encode()).decode()}",
        )


async def everything(app: Application) -> str:
    """Every row of every table as text."""
    tables = (
        "select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'"
    )
    said = []
    async with app.pool.connection() as connection:
        for row in await (await connection.execute(tables)).fetchall():
            every = sql.SQL("select t::text as line from {} t").format(sql.Identifier(row["table_name"]))
            said += [line["line"] for line in await (await connection.execute(every)).fetchall()]
        blobs = await (
            await connection.execute("select blob from checkpoint_blobs union all select blob from checkpoint_writes")
        ).fetchall()
    return "\n".join(said) + "\n".join(bytes(row["blob"] or b"").decode("utf-8", "replace") for row in blobs)


def server_log(database_url: str, since: float) -> bytes:
    """What the server has written of every change since then, and what it logs."""
    with psycopg.connect(database_url) as connection:
        [folder] = connection.execute("show data_directory").fetchone() or [""]
    written = [*Path(folder, "pg_wal").glob("0*"), *Path(folder).glob("*log*"), *Path(folder, "log").glob("*")]
    return b"".join(path.read_bytes() for path in written if path.is_file() and path.stat().st_mtime >= since)


@pytest.mark.parametrize("idempotency", ["idempotent", "local"])
async def test_a_secret_is_in_no_table_log_event_prompt_or_message(
    database_url: str, home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, idempotency: Idempotency
) -> None:
    caplog.set_level(logging.DEBUG)
    began, door, messages = time.time() - 1, Door(), []
    monkey = {"AUTONOMY_ENCRYPTION_KEY": KEY}
    async with shop(database_url, home, door, changes=monkey, idempotency=idempotency) as app:
        thread_id, number = await blocked(app)
        request = (await waiting(app, thread_id))["request"]
        assert "one_time_code" in request["why"][0]  # it says what is needed
        while (await app.threads.get(thread_id))["status"] != "done":
            if (await app.threads.get(thread_id))["status"] == "waiting":
                number = (await waiting(app, thread_id))["number"]
                await take_over(app, number, DANA)
                await hand_back(app, number, DANA, HandBack("here it is", {"one_time_code": SECRET}))
                stored = await everything(app)
                assert not found_in(stored) and "one_time_code" in stored
            try:
                await threads.advance(app, thread_id)
            except ToolError as error:  # a careless library's error is a bug of the tool
                messages += [repr(error), repr(error.__cause__), repr(error.__context__)]
        assert door.sent == [SECRET] * 3
        stored = await everything(app)
        async with app.pool.connection() as connection:
            assert await (await connection.execute("select * from secret")).fetchall() == []
    assert not found_in(stored) and stored.count("[one_time_code]") >= 4
    assert not found_in(caplog.text) and not found_in("".join(messages))
    for path in (path for folder in (home, tmp_path) for path in folder.rglob("*") if path.is_file()):
        assert not found_in(path.read_bytes().decode("utf-8", "replace")), path
    logged = server_log(database_url, began)
    assert b"one_time_code" in logged and not any(trace.encode() in logged for trace in TRACES)


async def test_a_secret_that_nobody_used_ends_with_its_thread_and_is_of_its_tool_alone(
    database_url: str, home: Path
) -> None:
    changes = {"AUTONOMY_ENCRYPTION_KEY": KEY}
    async with shop(database_url, home, Till([DRIFT]), changes=changes, idempotency="idempotent") as app:
        thread_id, number = await blocked(app)
        await take_over(app, number, DANA)
        for given, message in (
            ({"one_time_code": "123"}, "has 3 characters"),
            ({"../x": SECRET}, "is no name of a secret"),
        ):
            with pytest.raises(BadInput, match=message):
                await hand_back(app, number, DANA, HandBack("", given))
        await hand_back(app, number, DANA, HandBack("", {"one_time_code": SECRET}))
        bound = await app.bind(await app.threads.get(thread_id), 0)
        assert await bound.executor.secrets.take(thread_id, "another_tool", "one_time_code") is None  # type: ignore[attr-defined]
        await threads.stop(app, thread_id, DANA)
        async with app.pool.connection() as connection:
            assert await (await connection.execute("select * from secret")).fetchall() == []


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path, database_url: str) -> None:
    path = tmp_path / "home" / "secrets.key"
    first = kept_key(path)
    assert kept_key(path) == first and len(first) == 44
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(AutonomyError, match="can be read by others"):
        kept_key(path)
    with pytest.raises(BadInput, match="every worker has"):
        cipher_for_secrets(settings(database_url, tmp_path))
    assert cipher_for_secrets(settings(database_url, tmp_path, AUTONOMY_ENCRYPTION_KEY=KEY)).name


async def test_the_command_takes_the_secret_from_standard_input_and_the_result_from_a_file(
    database_url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "DATABASE_URL": database_url,
        "AUTONOMY_HOME": str(home),
        "AUTONOMY_ENCRYPTION_KEY": KEY,
    }.items():
        monkeypatch.setenv(name, value)
    result = tmp_path / "said.txt"
    result.write_text("the code came by post")
    async with shop(database_url, home, Door(), changes={"AUTONOMY_ENCRYPTION_KEY": KEY}) as app:
        _, number = await blocked(app)
        monkeypatch.setattr(command, "open_application", lambda _: nullcontext(app))
        assert await command.take_over(f"r-{number}", "dana", json=False) == 0
        assert "hand-back" in capsys.readouterr().out
        given = command.HandedBack(str(number), str(result), ["one_time_code"], "dana", no_wait=True)
        with pytest.raises(BadInput, match="only they"):
            await command.hand_back(command.HandedBack(str(number), "", (), "sam", no_wait=True), json=False)
        monkeypatch.setattr("sys.stdin", io.StringIO(SECRET + "\n"))
        assert await command.hand_back(given, json=False) == 0
        assert SECRET not in capsys.readouterr().out
        decision = (await app.reviews.get(number))["decision"]
        assert decision["message"] == "the code came by post" and SECRET not in str(decision)
