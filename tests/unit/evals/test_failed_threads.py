from __future__ import annotations

import re
import shlex
from pathlib import Path

import typer

from cli.main import app
from evals import failed_threads

TEMPLATE = Path(failed_threads.__file__).with_suffix(".md").read_text(encoding="utf-8")
PAGE = Path(failed_threads.__file__).parents[1] / "docs" / "record.md"


def test_every_command_of_the_page_is_one_with_its_options() -> None:
    root = typer.main.get_command(app)
    lines = [line for line in TEMPLATE.splitlines() if line.startswith("$ autonomy ")]
    assert len(lines) > 15
    for line in lines:
        found = failed_threads._COMMAND.match(line)
        assert found, line
        name, *words = shlex.split(found["words"])
        command = root.commands[name]  # type: ignore[attr-defined]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_the_page_is_made_of_its_template() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^## .*$", TEMPLATE, re.MULTILINE) == [
        line for line in re.findall(r"^## .*$", written, re.MULTILINE) if line in TEMPLATE
    ]
    assert len(re.findall(r"^\$ autonomy", written, re.MULTILINE)) == TEMPLATE.count("$ autonomy")
    assert "{killed}" not in written and "/tmp/" not in written


def test_a_long_output_is_cut_where_the_line_says() -> None:
    said = ["1", "2", "3"]
    assert failed_threads._cut(said, "head", "2") == ["1", "2", "…"]
    assert failed_threads._cut(said, "tail", "2") == ["…", "2", "3"]
    assert failed_threads._cut(said, None, None) == failed_threads._cut(said, "head", "3") == said
