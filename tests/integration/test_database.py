from __future__ import annotations

import re
import threading
import uuid

import psycopg
import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import sql

from core.errors import DatabaseTooNew, DatabaseUnavailable
from core.vocabulary import (
    Answer,
    Attempt,
    Authority,
    Environment,
    EventClass,
    EventKind,
    LevelMove,
    Occasion,
    OperationState,
    PersonRole,
    Reason,
    ReviewKind,
    ReviewState,
    Risk,
    SpendUnit,
    Stage,
    ThreadStatus,
    Trust,
    Verdict,
    members,
)
from store import database

CHECKED = {
    "thread_status": ThreadStatus,
    "thread_environment": Environment,
    "event_kind": EventKind,
    "operation_history_said": Attempt,
    "event_class": EventClass,
    "review_kind": ReviewKind,
    "review_state": ReviewState,
    "review_answer": Answer,
    "operation_state": OperationState,
    "artifact_trust": Trust,
    "outcome_verdict": Verdict,
    "outcome_reason": Reason,
    "outcome_environment": Environment,
    "result_verdict": Verdict,
    "result_reason": Reason,
    "standing_environment": Environment,
    "standing_risk": Risk,
    "standing_granted": Authority,
    "standing_waived": Stage,
    "standing_lowered": Authority,
    "level_change_change": LevelMove,
    "level_change_old": Authority,
    "level_change_new": Authority,
    "audit_verdict": Verdict,
    "audit_reason": Reason,
    "fact_trust": Trust,
    "passage_trust": Trust,
    "spend_unit": SpendUnit,
    "lockdown_environment": Environment,
    "role_role": PersonRole,
    "notification_rule_occasion": Occasion,
}


@pytest.mark.parametrize("constraint", CHECKED)
def test_the_database_knows_exactly_the_words_the_code_knows(database_url: str, constraint: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "select pg_get_constraintdef(oid) from pg_constraint where conname = %s", [constraint]
        ).fetchone()
    assert row is not None
    assert set(re.findall(r"'([^']+)'::text", row[0])) == set(members(CHECKED[constraint]))


def test_the_checkpoint_tables_are_what_the_saver_would_make(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select max(v) from checkpoint_migrations").fetchone()
    assert row == (len(AsyncPostgresSaver.MIGRATIONS) - 1,)


def test_migrating_twice_and_from_four_processes_at_once_is_one_migration(empty_database_url: str) -> None:
    results: list[str] = []
    runners = [threading.Thread(target=lambda: results.append(database.migrate(empty_database_url))) for _ in range(4)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    applied, newest = database.revision(empty_database_url)
    assert results == [newest] * 4
    assert applied == newest


def test_a_database_of_a_later_release_is_refused_and_left_alone(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update autonomy_version set version_num = '9999'")
    with pytest.raises(DatabaseTooNew, match="revision 9999, which this release does not know"):
        database.migrate(database_url)


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    url = "postgresql://dana:hunter2@127.0.0.1:1/none"
    with pytest.raises(DatabaseUnavailable) as refused:
        database.migrate(url)
    assert "127.0.0.1:1" in str(refused.value) and "hunter2" not in str(refused.value)
    with pytest.raises(DatabaseUnavailable, match="not a PostgreSQL URL"):
        database.checked_url("http://hunter2@nowhere/")


async def test_events_cannot_be_changed_by_an_honest_mistake(pool: database.Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            "insert into thread (id, tenant, domain, subject, environment, task, requester, model, graph_version,"
            " release, behaviour_versions) values ('t', 'a', 'd', 's', 'local', '{}', 'r', 'm', 1, 'x', '{}')"
        )
        await connection.execute(
            "insert into event values ('t', 1, 'a', 'commit', 'decided', 'agent', now(), null, '{}', '', '')"
        )
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            await connection.execute("update event set actor = 'mallory'")


def test_the_revisions_are_those_of_alembic() -> None:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(database._config()).walk_revisions()
    assert database._known_revisions() == sorted(script.revision for script in scripts)


def test_a_user_who_may_not_create_tables_is_told_and_nothing_is_changed(empty_database_url: str) -> None:
    role = f"reader_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))
    url = psycopg.conninfo.make_conninfo(empty_database_url, user=role)
    with pytest.raises(DatabaseUnavailable, match="permission denied for schema public.*right to create tables"):
        database.migrate(url)
    assert database.revision(empty_database_url)[0] is None
