"""`offline-extractive`: an algorithm behind the interface of a chat model. No language model: it collects and cites.

The algorithm itself belongs to the domain and is handed in; this file only speaks LangChain for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.tool import tool_call
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

from core.actions import SelfReport
from runtime.models import OFFLINE
from runtime.prompting import from_langchain

Quotes = Sequence[Mapping[str, Any]]
Propose = Callable[[Quotes, Quotes, Sequence[str]], tuple[str, dict[str, Any]]]
"""(materials, feedback, offered) -> (action, arguments). A material: name, data, source, trust."""
Report = Callable[[Quotes, Quotes, str, Mapping[str, Any]], SelfReport]
"""(materials, feedback, action, arguments) -> how sure the algorithm is of that proposal."""

_NO_TOOLS: Final = "offline-extractive collects and cites, it does not write; offer it tools."


class OfflineExtractive(BaseChatModel):
    """Answers with exactly one call of an offered tool, or with a self-report when the prompt quotes a proposal."""

    propose: Propose = Field(exclude=True, repr=False)
    self_report: Report = Field(exclude=True, repr=False)

    @property
    def _llm_type(self) -> str:
        return OFFLINE

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": OFFLINE}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer `tools`. `tool_choice` may name one of them; any other value changes nothing: one is always called."""
        formatted = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=formatted, tool_choice=tool_choice, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        offered = _offered(kwargs.get("tools") or (), kwargs.get("tool_choice"))
        answer = self._call(messages, offered) if offered else _answer(_NO_TOOLS, "stop")
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def _call(self, messages: Sequence[BaseMessage], offered: Sequence[str]) -> AIMessage:
        quoted = from_langchain(messages)
        proposal = quoted.proposal
        if proposal is None:
            name, arguments = self.propose(quoted.materials, quoted.feedback, offered)
        else:
            # A structured answer is one call of the only "tool" offered: its schema.
            action, proposed = proposal["action"], proposal["arguments"]
            report = self.self_report(quoted.materials, quoted.feedback, action, proposed)
            name, arguments = offered[0], report.to_json()
        return _answer("", "tool_calls", (name, arguments))


def _offered(tools: Sequence[Mapping[str, Any]], tool_choice: str | None) -> tuple[str, ...]:
    names = tuple(str(tool["function"]["name"]) for tool in tools)
    return (tool_choice,) if tool_choice in names else names


def _answer(text: str, finish_reason: str, *calls: tuple[str, dict[str, Any]]) -> AIMessage:
    return AIMessage(
        content=text,
        tool_calls=[tool_call(name=name, args=arguments, id=f"call_{uuid4().hex}") for name, arguments in calls],
        usage_metadata={"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
        response_metadata={"finish_reason": finish_reason, "model_name": OFFLINE},
    )
