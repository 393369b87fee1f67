"""What the planner recalls before it asks the model, and what keeps it from asking at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.canonical import canonical_json
from core.controls import Controls
from core.events import event
from core.memory import Conflict, Recall
from core.ports import Artifacts
from core.reviews import blocker_request, conflict_request
from core.state import Json
from core.tools import ToolSpec
from core.vocabulary import Trust

_OURS: Final = frozenset({"domain", "tenant", "model", "requester", "content_dir", "locale"})
"""Fields of a task that say nothing of what it is about."""


def words_of(task: Mapping[str, Any]) -> str:
    """What a task is about, for finding passages."""
    return " ".join(value for name, value in task.items() if isinstance(value, str) and name not in _OURS)


async def kept(artifacts: Artifacts, tenant: str, recall: Recall) -> str | None:
    """SHA-256 of what was recalled, for the event; None for nothing, which is usual and costs nothing."""
    if recall == Recall():
        return None
    trust: Trust = "untrusted" if recall.untrusted else "trusted"
    return (await artifacts.put(tenant, canonical_json(recall.to_json()), "application/json", "memory", trust)).sha256


def contradicted(conflict: Conflict, memory: str | None) -> Json:
    """Which of two facts is true is asked before anything is built on either. `memory`: as `kept` gave it."""
    said = event("failure", **{"class": "ambiguous"}, message=conflict.log, memory=memory)
    return {"review": conflict_request(conflict), "events": [said]}


def held_back(
    candidates: Sequence[str], permitted: Sequence[str], tools: Mapping[str, ToolSpec], controls: Controls
) -> Json | None:
    """Work that is left and may not even be proposed is a person's to let go on, and no reason to call it done."""
    first = tools[candidates[0]] if candidates else None
    if first is None or first.tier == "read-only" or first.name in permitted:
        return None
    held = controls.of(first.task_type)
    if held.level != "observe":
        return None
    message = f"{first.name} comes next, and at the level of observe the agent only reads. {' '.join(held.reasons)}"
    asked = blocker_request("planner", "policy_violation", message, None)
    said = event("failure", **{"class": "policy_violation"}, message=message, controls=controls.to_json())
    return {"review": asked, "events": [said]}
