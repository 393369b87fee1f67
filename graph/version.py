"""The version of the graph, beside the diagram and not in it: to know it, nobody has to import LangGraph."""

from __future__ import annotations

from typing import Final

GRAPH_VERSION: Final = 1
"""Raised when a thread of the old graph cannot go on in the new one."""
