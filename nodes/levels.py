"""Notices when a level of authority is another one than at the last look."""

from __future__ import annotations

from core.controls import Controls
from core.events import event
from core.state import Json, ThreadState
from policy.authority import changes


def noticed(state: ThreadState, controls: Controls) -> Json:
    """The update of the state: levels that are new or have changed, and an event for each that has changed."""
    known = state.get("levels", {})
    now = {name: level.level for name, level in controls.levels.items()}
    if all(known.get(name) == level for name, level in now.items()):
        return {"events": []}  # a channel is stored again each time it is named
    said = [
        event("authority_changed", task_type=name, was=was, now=level.level, reasons=list(level.reasons))
        for name, was, level in changes(known, controls.levels)
    ]
    return {"levels": {**known, **now}, "events": said}
