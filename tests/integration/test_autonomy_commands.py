"""outcomes, audit and levels, as the command line runs them, in this process."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from cli import audits, doctor, levels, outcomes
from core.errors import BadInput
from evals.earning import audited, judged, ran_alone
from store.outcomes import OutcomeStore
from tests.integration.application import answered, opened, settings, started
from tests.integration.test_earned_autonomy import CERTIFYING, place_of


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, database_url: str, home: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """What a command prints, once it is awaited; JSON is read."""
    for module in (audits, levels, outcomes):
        monkeypatch.setattr(module, "read_settings", lambda: settings(database_url, home))

    async def run(command: Any, code: int = 0) -> Any:
        capsys.readouterr()
        assert await command == code
        printed = capsys.readouterr().out
        return json.loads(printed) if printed[:1] in "{[" else printed

    return run


async def test_results_that_come_later_are_added_once_and_bad_lines_are_named(
    database_url: str, home: Path, tmp_path: Path, typed: Any
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        await answered(app, thread_id)
        thread = await app.threads.get(thread_id)
    file = tmp_path / "later.csv"
    lines = [
        "thread,site,slug,task_type,better,metric,value,verdict",
        f"{thread_id},,,set_intent,no,,,",
        f",{thread['task']['site']},{thread['task']['slug']},,,rank,3,",
        "0123456789,,,,yes,,,",
        ",nowhere.example,crm,,yes,,,",
        f"{thread_id},,,,,,,splendid",
    ]
    file.write_text("\n".join(lines))
    first = await typed(outcomes.imported(file, "dana", True))
    again = await typed(outcomes.imported(file, "dana", True))
    assert (first["added"], first["known"], again["added"], again["known"]) == (2, 0, 0, 2)
    assert [(line["line"], line["reason"][:40]) for line in first["skipped"]] == [
        (4, "there is no thread 0123456789"),
        (5, "there is no thread for nowhere.example crm"[:40]),
        (6, "verdict 'splendid' is not one of right, "),
    ]
    [row] = await typed(outcomes.listed(None, None, 50, True))
    assert row["better"] is False and row["verdict"] == "right"
    exported = await typed(outcomes.exported(None, None, None))
    [cells] = list(csv.DictReader(io.StringIO(exported)))
    assert cells["thread_id"] == thread_id and json.loads(cells["parts"])
    assert "1 outcomes in" in await typed(outcomes.exported(tmp_path / "out.csv", None, None))
    with pytest.raises(BadInput, match="exists; give the name of a new file"):
        await outcomes.exported(tmp_path / "out.csv", None, None)


async def test_an_imported_verdict_fills_a_gap_and_is_no_evidence(
    database_url: str, home: Path, tmp_path: Path, typed: Any
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        place = await place_of(app, thread_id)
        await judged(app.pool, thread_id, place, count=CERTIFYING)
        assert await ran_alone(app.pool, thread_id, place, chance=0.99)
        assert await ran_alone(app.pool, thread_id, place, chance=0.0)
        before = await app.reviews.changed("tallyho", "set_intent")
    for name, line in (("good.csv", "right,"), ("later.csv", "wrong,fact")):
        (tmp_path / name).write_text(f"thread,verdict,reason\n{thread_id},{line}\n")
    await typed(outcomes.imported(tmp_path / "good.csv", None, True))
    await typed(outcomes.imported(tmp_path / "later.csv", None, True))
    async with opened(database_url, home) as app:
        after = await app.reviews.changed("tallyho", "set_intent")
        alone = [row for row in await OutcomeStore(app.pool).newest(None, None, 5) if row["alone"]]
    assert [(row["audited"], row["verdict"], row["counted"]) for row in alone] == [
        (True, None, None),
        (False, "wrong", None),
    ]
    assert after[:2] == (before[0] + 1, before[1] + 1), "the wrong one; the right one came first and changed nothing"
    assert (await typed(levels.recompute(True)))["different"] == []


async def test_a_watch_of_an_earlier_release_is_recomputed_as_it_began_and_any_other_is_not_believed(
    database_url: str, home: Path, typed: Any
) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        await judged(app.pool, thread_id, await place_of(app, thread_id), count=5)
        for watch, differing in (("[0.05, 1.0, 0, 0, false]", 0), ("[0.05, 5.0, 0, 0, false, 5.0]", 1)):
            async with app.pool.connection() as connection:
                await connection.execute("update standing set watch = %s", [watch])
            assert len((await typed(levels.recompute(True), 1 if differing else 0))["different"]) == differing


async def test_levels_and_audits_say_where_autonomy_stands(database_url: str, home: Path, typed: Any) -> None:
    assert "Nothing was decided yet" in await typed(levels.listed(None, False, False))
    assert "Nothing waits" in await typed(audits.listed(None, 9, False))
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        place = await place_of(app, thread_id)
        await judged(app.pool, thread_id, place, count=CERTIFYING)
        await ran_alone(app.pool, thread_id, place)
        await judged(app.pool, thread_id, place._replace(behaviour_version="earlier"), count=3)
    [level] = await typed(levels.listed(None, False, True))
    assert (level["level"], level["threshold"], level["share_alone"]) == ("execute", 0.5, 0.01)
    assert level["evidence"] == "alone up to 0.50: wrong in ≤ 5.0% of that (95 %)"
    assert level["silent_failures"]["audited"] == 0 and level["silent_failures"]["high"] == 1.0
    assert len(await typed(levels.listed(None, True, True))) == 2
    [waiting] = await typed(audits.listed(None, 9, True))
    assert set(waiting) == {"number", "tenant", "task_type", "subject", "opened_at"}
    shown = await typed(audits.show(waiting["number"], False))
    assert "set_intent · crm for startups" in shown
    assert "wrong" in await typed(audits.judge(waiting["number"], "wrong", "wrong_intent", "", "dana", False))
    text = await typed(levels.show("set_intent", None, False))
    for words in ("Acts alone up to a score of 0.50", "silent failures among 1 actions alone", "may act alone now"):
        assert words in text
    assert "0 certificates differ" in await typed(levels.recompute(False))
    async with opened(database_url, home) as app, app.pool.connection() as connection:
        await connection.execute("update standing set watch = '[0.05, 1.5, 0, 0, false]'")
    assert "2 certificates differ from their log" in await typed(levels.recompute(False), 1)


async def test_a_shift_of_the_reasons_is_told_beside_the_levels(database_url: str, home: Path, typed: Any) -> None:
    async with opened(database_url, home) as app:
        thread_id = await started(app)
        await judged(app.pool, thread_id, await place_of(app, thread_id), "wrong", count=120)
        async with app.pool.connection() as connection:
            await connection.execute(
                "update outcome set reason_code = case when counted <= 70 then 'voice' else 'wrong_intent' end"
            )
    text = " ".join((await typed(levels.listed(None, False, False))).split())
    assert "Shifted: tallyho: reasons of verdicts: " in text and "(last 50 against 70)" in text


async def test_the_doctor_names_alarms_that_stand(
    database_url: str, home: Path, typed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "read_settings", lambda: settings(database_url, home))

    async def named() -> list[str]:
        return [row["found"] for row in await typed(doctor.doctor(True)) if row["part"] == "autonomy"]

    async with opened(database_url, home) as app:
        thread_id = await started(app)
        place = await place_of(app, thread_id)
        await judged(app.pool, thread_id, place, count=CERTIFYING)
        assert await named() == []
        while await ran_alone(app.pool, thread_id, place):
            await audited(app.pool, "wrong")
    assert await named() == ["set_intent of tallyho, local: an alarm took its autonomy back, so it asks"]


async def test_granting_lowering_and_raising_are_kept_with_who_and_why(
    database_url: str, home: Path, typed: Any
) -> None:
    def asked(task_type: str, level: Any) -> levels.Asked:
        return levels.Asked(task_type, level, "tallyho", "a bad week", "dana")

    assert (await typed(levels.lower(asked("set_intent", "prefill"), True)))["level"] == "prefill"
    assert "execute" in await typed(levels.lift(asked("set_intent", "execute"), False))
    granted = await typed(levels.grant(asked("save_draft", "execute"), "full", True))
    assert granted["level"] == "execute"
    with pytest.raises(BadInput, match="set_angel is no task type that has a level; there are "):
        await typed(levels.show("set_angel", None, False))
    changes = (await typed(levels.show("set_intent", "tallyho", True)))["changes"]
    assert [(row["change"], row["actor"]) for row in changes] == [
        ("recovered", "dana"), ("lifted", "dana"), ("lowered", "dana"),
    ]  # fmt: skip
