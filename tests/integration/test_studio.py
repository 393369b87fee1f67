from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from runtime.studio import make_graph


async def test_the_studio_graph_runs_to_its_end_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTONOMY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AUTONOMY_MODEL", "offline-extractive")
    monkeypatch.setenv("AUTONOMY_DDGS", "off")
    graph = await make_graph()
    graph.checkpointer = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "s"}, "recursion_limit": 200}
    state = await graph.ainvoke({"task": {"keyword": "invoice template"}}, config)
    asked = []
    while "__interrupt__" in state:
        asked.append(state["__interrupt__"][0].value["task_type"])
        state = await graph.ainvoke(Command(resume={"decisions": [{"type": "approve"}]}), config)
    assert asked == ["set_intent", "set_angle", "set_outline", "save_draft"]
    assert "draft" in state["results"]
    assert not (tmp_path / "home").exists()
