"""Ends the thread."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from core.events import event
from core.state import Json, ThreadState
from nodes.bindings import Bindings
from nodes.origins import maker
from nodes.planner import Node


def finish(bound: Bindings) -> Node:
    async def node(state: ThreadState, runtime: Runtime[Any]) -> Json:
        ending = state.get("ending") or {"status": "done", "reason": ""}
        produced = {name: ref["sha256"] for name, ref in state.get("results", {}).items() if _left_behind(bound, name)}
        return {"events": [event("thread_finished", **ending, results=produced)]}

    return node


def _left_behind(bound: Bindings, name: str) -> bool:
    """Whether a result is of an effect outside of our own database, such as a file or a payment."""
    spec = maker(name, bound.domain.tools)
    return spec is not None and spec.tier != "read-only" and spec.idempotency != "local"
