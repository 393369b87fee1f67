"""Further samples of a decision, drawn in the planner's superstep; only their keys travel on, in the proposal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.domain import PromptMessage
from core.errors import ModelError
from core.ports import CallSite, ToolChoice
from core.tools import ToolSpec
from escalation.samples import asked
from escalation.signals import action_key
from nodes.bindings import Bindings

FAILED = ""
"""The key of a sample that could not be drawn: it differs from every proposal."""


async def drawn(
    bound: Bindings,
    site: CallSite,
    messages: Sequence[PromptMessage],
    tools: Sequence[ToolSpec],
    chosen: ToolSpec,
    arguments: Callable[[ToolChoice], Mapping[str, Any]],
) -> tuple[str, ...]:
    """The keys of as many samples as the risk of the `chosen` tool calls for, sorted. `arguments`: of a choice, as the
    proposal would have them."""

    async def key(prompt: Sequence[PromptMessage]) -> str:
        try:
            choice = await bound.model.choose(site, prompt, tools, sample=True)
        except ModelError:
            return FAILED
        return action_key(choice.action, arguments(choice))

    prompts = [asked(way, messages) for way in bound.samples[chosen.risk]]
    return tuple(sorted(await asyncio.gather(*map(key, prompts))))
