"""The policies that domains bring: domains/NAME/rules/*.cedar, and the cases beside them. Read without the domain."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policy.cases import Case

CASES = "cases.yaml"


def brought(domains: Iterable[str]) -> dict[str, dict[str, str]]:
    """Domain -> its policy files, name -> text; only domains that have any."""
    found = {name: _files(name, ".cedar") for name in domains}
    return {name: files for name, files in found.items() if files}


def cases(domains: Iterable[str]) -> list[Case]:
    """The table of cases that each domain has for its own rules."""
    from policy.cases import parse_cases  # brings Cedar, for which no command that only reads has to wait

    return [case for name in domains for file, text in _files(name, CASES).items() for case in parse_cases(text, file)]


def _files(domain: str, ending: str) -> dict[str, str]:
    folder = resources.files("domains").joinpath(domain, "rules")
    if not folder.is_dir():
        return {}
    entries = sorted((entry for entry in folder.iterdir() if entry.name.endswith(ending)), key=lambda each: each.name)
    return {f"{domain}/{entry.name}": entry.read_text(encoding="utf-8") for entry in entries}
