"""The runtime knows no domain: who may speak of one, and who may not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("core", "policy", "escalation", "tools", "store", "nodes", "graph", "runtime", "cli", "ui", "bench")
KNOWS = {
    "refunds": {"runtime/refunds.py", "runtime/wiring.py", "tools/refund_desk.py"},
    "domains.seo": {"runtime/seo.py", "runtime/keyword_file.py"},
}
"""What speaks of a domain -> the files that may."""


@pytest.mark.parametrize("name", KNOWS)
def test_nothing_outside_a_domain_and_its_wiring_speaks_of_it(name: str) -> None:
    speaking = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if re.search(rf"\b{re.escape(name)}\b", path.read_text(encoding="utf-8"))
    }
    assert speaking - KNOWS[name] == set()


def test_the_runtime_knows_the_second_domain_by_one_line() -> None:
    text = (ROOT / "runtime/wiring.py").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if "refunds" in line]) == 1


def test_domains_do_not_know_each_other() -> None:
    for path in (ROOT / "domains/refunds").rglob("*.py"):
        assert "domains.seo" not in path.read_text(encoding="utf-8"), path
    for path in (ROOT / "domains/seo").rglob("*.py"):
        assert "refunds" not in path.read_text(encoding="utf-8"), path
