"""The simulated planner: no language model, it proposes the next step of the plan that it is shown."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import httpx
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult

from core.actions import SelfReport
from runtime.extractive_model import OfflineExtractive, Quotes
from runtime.prompting import from_langchain

_LONGEST_CALL: Final = 60.0


class SimulatedPlanner(OfflineExtractive):
    """Where a step says that it `asks`, the far side is called first, as an endpoint of a model would be."""

    @property
    def _llm_type(self) -> str:
        return "simulated-planner"

    @classmethod
    def of_the_plan(cls) -> Self:
        return cls(propose=_propose, self_report=_report)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        step = _step(from_langchain(messages).materials)
        if step.get("asks"):
            async with httpx.AsyncClient(verify=False, trust_env=False, timeout=_LONGEST_CALL) as client:  # noqa: S501 - loopback
                address = f"{step['server']}/model/{step['target']}"
                await client.post(address, json={}, headers={"X-Caller": str(os.getpid())})
        return self._generate(messages, stop, None, **kwargs)


def _propose(materials: Quotes, feedback: Quotes, offered: Sequence[str]) -> tuple[str, dict[str, Any]]:
    step = _step(materials)
    return step["tool"], {"target": step["target"]}


def _report(materials: Quotes, feedback: Quotes, action: str, arguments: Mapping[str, Any]) -> SelfReport:
    return SelfReport(rationale="The plan says so.", confidence=1.0)


def _step(materials: Quotes) -> dict[str, Any]:
    return dict(next(material["data"] for material in materials if material["name"] == "step"))
