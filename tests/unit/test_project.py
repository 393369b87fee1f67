"""What holds for the project as a whole."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from runtime.refunds import DeskSettings
from runtime.settings import Settings

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "core", "policy", "escalation", "domains", "tools", "store", "nodes", "graph", "runtime", "cli", "ui", "migrations",
    "profiles",
}  # fmt: skip


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    text = (ROOT / ".env.example").read_text()
    documented = set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", text, re.MULTILINE))
    every = [*Settings.model_fields.values(), *DeskSettings.model_fields.values()]
    assert documented == {str(field.alias) for field in every}


def test_no_other_distribution_ships_a_package_of_our_names() -> None:
    owners = metadata.packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, [])) <= {"durable-autonomy"}, package


def test_no_file_of_the_console_hides_a_package() -> None:
    assert not {path.stem for path in (ROOT / "ui").iterdir()} & PACKAGES


@pytest.mark.parametrize("module", ["cli.main", "core.ports", "policy.check", "escalation.score", "domains.seo.domain"])
def test_what_is_imported_first_imports_nothing_heavy(module: str) -> None:
    heavy = {"langgraph", "langchain_core", "chromadb", "psycopg", "alembic", "streamlit", "httpx", "trafilatura"}
    code = f"import sys, {module}; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_wheel_contains_every_package_and_what_they_read() -> None:
    listed = re.search(r"packages = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL)
    assert listed is not None
    assert set(re.findall(r'"(\w+)"', listed.group(1))) == PACKAGES
