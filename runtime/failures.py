"""Records of failures, from the events: what failed, how often it was tried, who gets it, and what it speaks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import BadInput
from core.failures import FAILURES, FailureRule, Implied, Kept, Recipient, Response, named
from core.vocabulary import FailureClass, members
from runtime.wiring import Application
from store.sql import query


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """One failure. `run` is the lease under which it happened, counted from 1; `retries`: how often the same was
    tried before, to no avail."""

    thread_id: str
    run: int
    seq: int
    at: datetime
    tenant: str
    subject: str
    workflow: str
    failure_class: FailureClass
    meaning: str
    message: str
    ended_the_run: bool
    retries: int
    approval: str
    action: str
    operation: str
    """The key of the operation whose effect is unknown, if that is what failed."""
    answer: str
    """SHA-256 of an answer that could not be used."""
    model: str
    model_call: str
    behaviour_version: str
    release: str
    response: Response
    recipient: Recipient
    handoff: str
    """What the workflow card says about failures of this class."""
    kept: tuple[Kept, ...]
    implies: Implied
    metric: str


def checked_class(text: str) -> FailureClass:
    """Raises BadInput with the classes there are."""
    if text not in members(FailureClass):
        raise BadInput(f"{text[:40]!r} is no failure class; there are {', '.join(members(FailureClass))}.")
    return named(text)


async def failures(
    app: Application,
    *,
    thread_id: str | None = None,
    failure_class: FailureClass | None = None,
    since: datetime | None = None,
    limit: int = 100,
) -> list[FailureRecord]:
    """Newest first."""
    given = {"id": thread_id, "class": failure_class, "since": since, "limit": limit}
    async with app.pool.connection() as connection:
        rows = await (await connection.execute(query("failure_list"), given)).fetchall()
    return [_record(app, row) for row in rows]


def _record(app: Application, row: Mapping[str, Any]) -> FailureRecord:
    body = row["body"]
    failure_class = named(body["class"])
    rule, action = FAILURES[failure_class], str(body.get("action", ""))
    return FailureRecord(
        thread_id=row["thread_id"],
        run=row["run"],
        seq=row["seq"],
        at=row["at"],
        tenant=row["tenant"],
        subject=row["subject"],
        workflow=row["domain"],
        failure_class=failure_class,
        meaning=rule.meaning,
        message=str(body["message"]),
        ended_the_run=bool(body.get("fatal")),
        retries=row["retries"],
        approval=_approval(row),
        action=action,
        operation=str(body.get("operation", {}).get("key", "")),
        answer=str(body.get("evidence", "")),
        model=row["model"],
        model_call=str(body.get("model_call") or ""),
        behaviour_version=_behaviour(app, row, action),
        release=row["release"],
        response=rule.response,
        recipient=rule.recipient,
        handoff=_handoff(app, row["domain"], failure_class, rule),
        kept=rule.evidence,
        implies=rule.implies,
        metric=rule.rollback_metric,
    )


def _approval(row: Mapping[str, Any]) -> str:
    checked = row["checked"] or {}
    if checked.get("approved_by"):
        return f"approved by {checked['approved_by']}"
    if row["review"] is None:
        return f"policy: {checked['outcome']}" if checked else "not asked"
    said = f"{row['answer']}, by {row['decided_by']}" if row["answer"] else row["review_state"]
    return f"r-{row['review']} {said}"


def _behaviour(app: Application, row: Mapping[str, Any], action: str) -> str:
    try:
        spec = app.domain(row["domain"]).tools.get(action)
    except BadInput:
        return ""
    return str(row["behaviour_versions"].get(spec.task_type if spec else action, ""))


def _handoff(app: Application, domain: str, failure_class: FailureClass, rule: FailureRule) -> str:
    try:
        return app.domain(domain).card.handoffs.get(failure_class, rule.recipient)
    except BadInput:
        return rule.recipient
