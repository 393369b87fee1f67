"""A thread's state as it was at one checkpoint, for reading; and what the agent could see there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from core.errors import NotFound, ToolError
from core.state import Json, ThreadState
from nodes.views import view_of
from runtime.why import Turn, Why, turn, turn_at
from runtime.wiring import Application


async def state_at(app: Application, thread_id: str, checkpoint_id: str) -> Json:
    """The channels of the state. Raises NotFound, or BadInput when it is encrypted with another key."""
    saver = app.parts.saver(app.pool, thread_id, 0)
    place = {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}
    found = await saver.aget_tuple({"configurable": place})
    if found is None:
        raise NotFound(f"Checkpoint {checkpoint_id} of thread {thread_id} is gone.")
    values: Mapping[str, Any] = found.checkpoint["channel_values"]
    return {name: value for name, value in values.items() if not name.startswith(("branch:", "__"))}


async def why(app: Application, thread: Mapping[str, Any], step: int) -> Why:
    """Raises BadInput for a step at which nothing was proposed."""
    events = await app.threads.timeline(thread["id"])
    wanted = [turn_at(events, step)[0].body["artifact"]]
    texts = await app.artifacts.find(thread["tenant"], wanted)
    found = turn(events, step, texts, await app.reviews.of_thread(thread["id"]))
    check = found.last("policy_check")
    origins = check.body.get("origins", {}) if check else {}
    evidence, note = await _evidence(app, thread, found)
    return Why(found, evidence, note, origins)


async def _evidence(
    app: Application, thread: Mapping[str, Any], found: Turn
) -> tuple[tuple[Mapping[str, str], ...], str]:
    """What a person was shown, or would have been shown at that checkpoint."""
    for review in found.reviews:
        if review["request"].get("evidence"):
            return tuple(review["request"]["evidence"]), ""
    domain = app.domain(thread["domain"])
    try:
        state = await state_at(app, thread["id"], found.decision.checkpoint_id or "")
        view = await view_of(app.artifacts, domain.reads, cast("ThreadState", state))
    except (NotFound, ToolError) as gone:
        return (), f"It is not kept any more: {gone}"
    return domain.explain(view, found.edited or found.proposal).evidence, ""
