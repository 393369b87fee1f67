"""The diagram of the way of an action, as code.

keyword -> planner -> policy_check -> escalation_score -> tool_execution -> planner ... -> finish
              ^            | review          | review/block      | failure
              |            +------> human_review <---------------+
              |                         | approve, edit
              |        policy_check <---+
              +- invalid, denied, rejected, answered: with the reasons

What a call was let through by may have changed when it is claimed (lockdown, a role): it goes back to policy_check.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

from langgraph.graph import END, START, StateGraph

from core.state import Json, ThreadState
from graph import routes
from graph.edges import add_routes
from graph.sink import EventSink
from nodes.bindings import Bindings
from nodes.escalation_score import escalation_score
from nodes.finish import finish
from nodes.human_review import human_review
from nodes.planner import Node, planner
from nodes.policy_check import policy_check
from nodes.tool_execution import tool_execution


class GraphState(ThreadState, total=False):
    """The state with its event sink."""

    events: Annotated[list[Json], EventSink]


def build(bound: Bindings, intake: Node | None = None) -> StateGraph[GraphState, None, GraphState, GraphState]:
    """The graph over the given bindings, not yet compiled. `intake` completes a task that came without the runtime."""
    graph: StateGraph[GraphState, None, GraphState, GraphState] = StateGraph(GraphState)
    nodes: list[tuple[str, Any]] = [
        ("planner", planner(bound)),
        ("policy_check", policy_check(bound)),
        ("escalation_score", escalation_score(bound)),
        ("human_review", human_review(bound)),
        ("tool_execution", tool_execution(bound)),
        ("finish", finish(bound)),
    ]
    for name, node in nodes:
        graph.add_node(name, node)
    if intake is None:
        graph.add_edge(START, "planner")
    else:
        graph.add_node("intake", cast("Any", intake))
        graph.add_edge(START, "intake")
        graph.add_edge("intake", "planner")
    decision_points = frozenset(name for name, spec in bound.domain.tools.items() if spec.decision_point)
    add_routes(graph, "planner", routes.after_planner)
    add_routes(graph, "policy_check", routes.after_policy_check(decision_points))
    add_routes(graph, "escalation_score", routes.after_escalation)
    add_routes(graph, "human_review", routes.after_review)
    add_routes(graph, "tool_execution", routes.after_execution)
    graph.add_edge("finish", END)
    return graph
