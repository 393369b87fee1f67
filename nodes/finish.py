"""Ends the thread."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from core.events import event
from core.state import Json, ThreadState
from nodes.bindings import Bindings
from nodes.planner import Node


def finish(bound: Bindings) -> Node:
    async def node(state: ThreadState, runtime: Runtime[Any]) -> Json:
        ending = state.get("ending") or {"status": "done", "reason": ""}
        produced = {
            name: ref["sha256"] for name, ref in state.get("results", {}).items() if name in ("draft", "published")
        }
        return {"events": [event("thread_finished", **ending, results=produced)]}

    return node
