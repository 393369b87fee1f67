"""Is this what the agent is here for? The mandate is declared in the domain's card."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.domain import Refusal, Scope
from core.tools import ToolSpec


def outside(scope: Scope, spec: ToolSpec, arguments: Mapping[str, Any], task: Mapping[str, Any]) -> str:
    """Why a call is outside of the mandate, in words; empty when it is within."""
    if scope.tools is not None and spec.name not in scope.tools:
        return f"{spec.name} does not belong to what this agent is here for"
    for name, field in scope.own.items():
        if name in arguments and arguments[name] != task.get(field):
            return f"{name} is not the {field} of this thread"
    return ""


def refused(scope: Scope, task: Mapping[str, Any]) -> Refusal | None:
    """The kind of request that the task is and that the domain declines; None when it may be worked on.

    This only spares work: whatever a request talks the model into still meets the policy check.
    """
    asked = " ".join(str(task.get(field, "")) for field in scope.request).casefold()
    for refusal in scope.refusals:
        if any(re.search(rf"(?<!\w){re.escape(phrase.casefold())}(?!\w)", asked) for phrase in refusal.phrases):
            return refusal
    return None
