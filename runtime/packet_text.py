"""A handoff packet as a page of Markdown, for whoever is to act on a thread they have never seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from core.canonical import canonical_json
from runtime import packets
from runtime.failures import FailureRecord

_SHOWN: Final = 400
"""Characters of a value."""


def markdown(found: packets.Packet) -> list[str]:
    """The lines of the page; text from outside stands in code or behind a bullet."""
    thread = found.thread
    head = [
        f"# {found.title}: {thread['subject']}",
        "",
        f"- thread `{thread['id']}`, {thread['status']}, {thread['environment']}, tenant {thread['tenant']}",
        f"- started by {thread['requester']}, model {thread['model']}, release {thread['release']}",
        f"- owner: {found.owner}",
    ]
    return [
        *head,
        *_part("What to do now", [*found.next, *(f"`{command}`" for command in found.commands)]),
        *_part("The task", [f"{name}: {_short(said)}" for name, said in found.task.items()]),
        *_part("The mandate", [found.mandate]),
        *_part("What waits", _waits(found.waits)),
        *_part("What failed", [line for record in found.failures for line in _failed(record)]),
        *_part("What was proposed last", _proposed(found)),
        *_part("Evidence", [f"{item['label']} ({item['trust']}, {item['source']})" for item in found.evidence]),
        *_part("What tools did", [_did(each) for each in found.tools]),
        *_part("What people decided", [_did(each) for each in found.decisions]),
        *_part("Operations", [_operation(row) for row in found.operations]),
        *_part("Made so far", [f"{name}: artifact `{digest[:16]}`" for name, digest in found.results.items()]),
    ]


def _part(title: str, lines: Iterable[str]) -> list[str]:
    return ["", f"## {title}", "", *([f"- {line}" for line in lines] or ["- nothing"])]


def _waits(review: Mapping[str, Any] | None) -> list[str]:
    if review is None:
        return []
    request = review["request"]
    held = f", taken over by {review['taken_over_by']}" if review["taken_over_by"] else ""
    asked = request["action_requests"][0]
    head = (
        f"r-{review['number']}, {review['kind']} about {review['task_type']}, since {_when(review['opened_at'])}{held}"
    )
    return [head, *dict.fromkeys((asked["description"], *request["why"])), f"Answering: {request['approving_will']}"]


def _failed(record: FailureRecord) -> list[str]:
    ended = ", ended the run" if record.ended_the_run else ""
    behaviour = record.behaviour_version or "–"
    facts = [
        f"#{record.seq} {_when(record.at)} **{record.failure_class}**{ended}: {record.message}",
        f"means: {record.meaning}; for {record.recipient}: {record.handoff}",
        f"{record.retries} tries before; {record.approval}; run {record.run}; behaviour {behaviour}",
    ]
    kept = [f"the unusable answer: artifact `{record.answer[:16]}`"] if record.answer else []
    kept += [f"operation `{record.operation[:16]}`"] if record.operation else []
    return facts + kept


def _proposed(found: packets.Packet) -> list[str]:
    if found.proposed is None:
        return []
    arguments = [f"{name}: {_short(said)}" for name, said in found.proposed["arguments"].items()]
    because = found.proposed["report"]["rationale"]
    why = f"autonomy show {found.thread['id']} --why {found.step}"
    return [
        f"{found.proposed['action']} (#{found.step}, `{why}`)",
        *arguments,
        *([f"because {because}"] if because else []),
    ]


def _did(each: packets.Did) -> str:
    return f"#{each.seq} {_when(each.at)} {each.what}: {each.how}"


def _operation(row: Mapping[str, Any]) -> str:
    failure = (row["failure"] or {}).get("message", "")
    said = f"{row['tool']}: {row['state']}, attempt {row['attempt']}"
    return f"`{row['key'][:16]}` {said}. {row['summary'] or failure}".rstrip()


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else canonical_json(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _when(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
