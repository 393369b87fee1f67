"""`streamlit run ui/console.py` puts ui/ first on the module path."""

from __future__ import annotations

import sys
from importlib import resources
from importlib.util import find_spec


def test_no_file_of_the_console_hides_a_module() -> None:
    names = {entry.name.removesuffix(".py") for entry in resources.files("ui").iterdir() if entry.name.endswith(".py")}
    names -= {"__init__"}
    assert "console" in names
    assert names & sys.stdlib_module_names == set()
    assert [name for name in names if find_spec(name) is not None] == []
