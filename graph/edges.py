"""A conditional edge over a pure function of the state."""

from __future__ import annotations

from typing import Any, Final, get_args, get_type_hints

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.graph import StateGraph

from graph.routes import Route


def add_routes(graph: StateGraph[Any, Any, Any, Any], source: str, route: Route) -> None:
    """Go on from `source` to the node that `route` names; its return type, a Literal, has them all."""
    graph.add_conditional_edges(source, _Chosen(route), list(get_args(get_type_hints(route)["return"])))


class _Chosen(Runnable[Any, str]):
    """Decides where it stands: LangGraph would send a plain function to a thread of its own, once a superstep."""

    def __init__(self, route: Route) -> None:
        self.name = route.__name__
        self.route: Final = route

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> str:
        return self.route(input)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> str:
        return self.route(input)
