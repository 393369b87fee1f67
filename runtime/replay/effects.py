"""What tools did, from the events: nothing is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.actions import Proposal, Ref
from core.errors import ToolError
from core.events import ChainedEvent
from core.failures import named
from core.ports import CallSite, Performed
from runtime.replay.tape import Tape


class RecordedExecutor:
    """core.ports.Executor."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    async def perform(
        self,
        site: CallSite,
        proposal: Proposal,
        task: Mapping[str, Any],
        results: Mapping[str, Ref],
        gated: bool,
        approved_as: str | None = None,
    ) -> Performed:
        stored = self._tape.next()
        if stored.body.get("proposal") == proposal.id:
            if stored.kind == "tool_result":
                return _performed(stored)
            if stored.kind == "failure":
                raise _failure(stored)
        raise self._tape.part({"kind": "tool_result", "what": f"{proposal.action} is called"}, "kind")


def _performed(stored: ChainedEvent) -> Performed:
    labels = stored.body.get("labels", {})
    results = {
        name: Ref.model_validate({"sha256": digest, **labels.get(name, {})})
        for name, digest in stored.body["results"].items()
    }
    return Performed(results, stored.body["summary"])


def _failure(stored: ChainedEvent) -> ToolError:
    failure_class = named(stored.body["class"])
    error = ToolError(stored.body["message"], failure_class)
    error.operation, error.evidence = stored.body.get("operation"), stored.body.get("evidence", "")
    error.judge_again = bool(stored.body.get("judge_again"))
    return error
