"""Notices when a level of authority is another one than at the last look."""

from __future__ import annotations

from core.controls import Controls
from core.events import event
from core.state import Json, ThreadState
from policy.authority import moved


def noticed(state: ThreadState, controls: Controls) -> Json:
    """The update of the state: levels that are new or have changed, and events that say so with the reasons."""
    known = state.get("levels", {})
    found = moved(known, controls.levels)
    said = [
        event("authority_in_force", level=each.level, was=dict(each.was), reasons=list(each.reasons)) for each in found
    ]
    if not found:
        return {"events": said}  # a channel is stored again each time it is named
    return {"levels": {**known, **{name: each.level for each in found for name in each.was}}, "events": said}
