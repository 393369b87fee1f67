"""docs/guarantees.md names tests and scenarios that exist."""

from __future__ import annotations

import re
from pathlib import Path

from evals.reliability.suite import SCENARIOS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")


def test_every_test_that_shows_a_promise_exists() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    assert len(named) > 20
    assert {name for name in named if f"def {name}(" not in sources} == set()


def test_every_scenario_stands_beside_a_promise_and_exists() -> None:
    cells = [line.split("|")[3] for line in TEXT.splitlines() if line.startswith("|")]
    named = {name.strip() for cell in cells for name in cell.split(",")}
    assert named - {"scenario", "---", "–", "every one"} == set(SCENARIOS)
