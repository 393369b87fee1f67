"""Reads the content behind a state's references: two queries, whatever the number of results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.actions import Ref
from core.domain import View
from core.ports import Artifacts
from core.state import ThreadState


async def view_of(
    artifacts: Artifacts, reads: Callable[[Mapping[str, Any]], tuple[str, ...]], state: ThreadState
) -> View:
    """The View of a state. Raises ToolError(missing_evidence) when an artifact is gone."""
    return await load_view(
        artifacts,
        reads,
        state["task"],
        {name: Ref.model_validate(ref) for name, ref in state.get("results", {}).items()},
        feedback=state.get("feedback", ()),
        declined=state.get("declined", ()),
    )


async def load_view(
    artifacts: Artifacts,
    reads: Callable[[Mapping[str, Any]], tuple[str, ...]],
    task: Mapping[str, Any],
    results: Mapping[str, Ref],
    *,
    feedback: Sequence[Mapping[str, Any]] = (),
    declined: Sequence[str] = (),
) -> View:
    """As view_of, from the parts."""
    tenant = task["tenant"]
    refs = {**results, "profile": Ref.model_validate(task["profile"])}
    plain = {name: ref.sha256 for name, ref in refs.items() if ref.media == "application/json"}
    stored = await artifacts.read(tenant, list(plain.values()))
    content = {name: json.loads(stored[digest]) for name, digest in plain.items()}
    texts = await artifacts.read(tenant, list(reads(content)))
    hashes = {name: ref.sha256 for name, ref in results.items()}
    return View(task, content, texts, feedback, declined, hashes)
