"""Events in words: what happened, and why. The same words in the command line and the console."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, assert_never

from core.events import ChainedEvent
from core.failures import FAILURES
from core.vocabulary import Attempt, LevelMove

Words = tuple[str, str]

ATTEMPTS: Final[Mapping[Attempt, str]] = {
    "started": "begun",
    "succeeded": "answered",
    "refused": "refused",
    "not_sent": "not sent",
    "unknown": "no answer, so the effect is unknown",
    "taken_over": "taken over from a runner that is gone",
    "found": "found done on the far side",
    "absent": "not done on the far side",
    "happened": "a person says it happened",
    "did_not_happen": "a person says it did not happen",
    "abandoned": "given up by a person",
    "revised": "opened again by a person",
}

LEVEL_MOVES: Final[Mapping[LevelMove, str]] = {
    "certified": "may act alone now",
    "raised": "may act alone further than before",
    "revoked": "may not act alone any more",
    "restricted": "is held shorter",
    "recovered": "is held less short",
    "rescored": "is scored in another way",
    "granted": "was granted a level",
    "lowered": "was lowered by a person",
    "lifted": "is no longer lowered",
}


def proposals(events: Iterable[ChainedEvent]) -> list[str]:
    """SHA-256 of the proposals that the events refer to; their texts say why the agent proposed what it did."""
    return [stored.body["artifact"] for stored in events if stored.kind == "decision"]


def authority(events: Iterable[ChainedEvent]) -> dict[str, dict[str, Any]]:
    """Task type -> the level that it was last seen at, and its reasons."""
    seen: dict[str, dict[str, Any]] = {}
    for stored in events:
        if stored.kind == "authority_in_force":
            level = {name: stored.body[name] for name in ("level", "reasons")}
            seen.update(dict.fromkeys(stored.body["was"], level))
    return seen


def in_words(stored: ChainedEvent, texts: Mapping[str, str]) -> Words:
    """(what, why) of one event. `texts`: SHA-256 -> text, of its proposal if it has one."""
    body = stored.body
    match stored.kind:
        case "thread_started":
            copy = body.get("fork")
            of = (
                f"a {'live' if copy['live'] else 'stubbed'} copy of {copy['from']} at step {copy['step']}; "
                if copy
                else ""
            )
            return f"started by {stored.actor}", f"{of}release {body['release']}"
        case "lease_taken":
            return f"run taken up by {body['owner']}", f"epoch {body['epoch']}"
        case "observation":
            return str(body.get("what", "observed")), str(body.get("why", ""))
        case "decision":
            return f"{body['action']} proposed", _proposed(body, texts.get(body["artifact"], "{}"))
        case "policy_check":
            return f"policy: {body['outcome']}", _policy(body)
        case "escalation":
            return f"escalation: {body['band']}, score {body['total']:.2f}", _score(body)
        case "review_requested":
            return f"review r-{body['review']} asked for", str(body["kind"])
        case "review_decided":
            return f"review r-{body['review']}: {body['answer']}", _decided(stored)
        case "review_undone":
            return f"review r-{body['review']}: taken back", f"by {stored.actor}, before it took effect"
        case "review_applied":
            return f"{body['answer']} taken up", f"review r-{body['review']}"
        case "tool_call":
            repeated = "answered from the ledger" if body["replayed"] else f"attempt {body['attempts']}"
            return f"{body['action']} called", repeated
        case "tool_result":
            return f"{body['action']} done", str(body["summary"])
        case "commit":
            return f"{body['action']} committed", f"{body['tier']}, hash {body['action_hash'][:8]}…"
        case "failure":
            return f"failure: {body['class']}", _failure(body)
        case "tool_attempt":
            return f"{body['action']}: {ATTEMPTS[body['said']]}", _attempt(body)
        case "postponed":
            return f"tried again at {body['again_at'][11:19]} UTC", f"{body['message']} [{body['class']}]"
        case "authority_in_force":
            before = sorted({was for was in body["was"].values() if was})
            return f"authority: {body['level']}{f', was {before[0]}' if before else ''}", _authority(body)
        case "stop_requested":
            return f"stop asked for by {stored.actor}", str(body["message"])
        case "audit_judged":
            why = f" ({body['reason']})" if body["reason"] else ""
            return f"audit {body['audit']}: {body['verdict']}{why}", f"{body['task_type']}, by {stored.actor}"
        case "level_changed":
            return f"{body['task_type']}: {LEVEL_MOVES[body['change']]}", str(body["reason"])
        case "thread_finished":
            return f"thread {body['status']}", str(body["reason"])
        case _:
            assert_never(stored.kind)


def _authority(body: Mapping[str, Any]) -> str:
    return f"for {', '.join(body['was'])}. {' '.join(body['reasons'])}"


def _proposed(body: Mapping[str, Any], proposal: str) -> str:
    """Why, in the agent's own words where it gave any; how sure it was; and which model call it was."""
    if not body["model_call"]:
        return "the only step possible"
    report = json.loads(proposal).get("report", {})
    said = body["confidence"]
    parts = [str(report.get("rationale") or ""), f"confidence {said:.2f}" if said is not None else ""]
    return "; ".join([part.rstrip(".") for part in parts if part] + [f"model call {body['model_call'][:8]}"])


def _policy(body: Mapping[str, Any]) -> str:
    approved = f"; approved by {body['approved_by']}" if body["approved_by"] else ""
    rules = f" ({', '.join(body['rules'])})" if body["rules"] else ""
    return "; ".join(body["reasons"]) + rules + approved


def _score(body: Mapping[str, Any]) -> str:
    """The parts and the reason that decided; `autonomy show --json` has all reasons."""
    parts = (
        f"low confidence {body['low_confidence']:.2f} · novelty {body['novelty']:.2f} · "
        f"history {body['historical_need']:.2f}"
    )
    return f"{parts}. {body['reasons'][-1]}"


def _attempt(body: Mapping[str, Any]) -> str:
    """Reads have no fence: nothing of theirs is in the ledger."""
    fence = f", fence {body['fence']}" if body.get("fence") else ""
    said = f"; {body['message']}" if body.get("message") else ""
    return f"attempt {body['attempt']}{fence}{said}"


def _decided(stored: ChainedEvent) -> str:
    doubt = "" if stored.body["verified"] else " (name not verified)"
    bound = f", hash {stored.body['decided_hash'][:8]}…" if stored.body["decided_hash"] else ""
    return f"by {stored.actor}{doubt}{bound}"


def _failure(body: Mapping[str, Any]) -> str:
    rule = FAILURES.get(body["class"])
    return f"{body['message']} [{rule.response}: {rule.meaning}]" if rule else str(body["message"])
