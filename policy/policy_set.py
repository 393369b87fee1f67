"""The policies in force: read from files, checked rule by rule, and only then a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from importlib import resources
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import cedarpy

from core.canonical import sha256
from core.errors import BadInput
from policy.facts import VOCABULARY, Facts
from policy.lint import EVERYTHING, PolicyFileError, Rule, checked_rule, names, refuse_doubles, refuse_foreign

SCHEMA: Final = "schema.cedarschema"
Files = Mapping[str, str]
"""Name of a file -> its text."""


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Rules that passed every check. `mentioned`: facts that some rule looks at; `named`: tools and domains."""

    rules: tuple[Rule, ...]
    handle: cedarpy.PolicySet
    mentioned: frozenset[str]
    named: frozenset[str]
    text: str
    telling: Callable[[Facts], tuple[Any, ...]] = field(compare=False, repr=False)
    """Values of all facts that can make a difference to a decision."""

    @property
    def hash(self) -> str:
        return sha256(self.text)


def parse(files: Files, schema: str, owners: Mapping[str, str] = MappingProxyType({})) -> PolicySet:
    """The rules of all `files`, in order. `owners`: file -> the domain that brings it, whose rules bind only itself.

    Raises PolicyFileError with file, line and reason of the first problem.
    """
    try:
        parsed_schema = cedarpy.Schema.from_str(schema)
    except ValueError as error:
        raise PolicyFileError(SCHEMA, 1, f"it cannot be read: {' '.join(str(error).split())}") from error
    rules = [rule for name, text in files.items() for rule in checked_rule(name, text, parsed_schema)]
    for rule in rules:
        if rule.file in owners:
            refuse_foreign(rule, owners[rule.file])
    refuse_doubles(rules)
    mentioned = frozenset[str]().union(*(rule.looks_at for rule in rules))
    named = frozenset[str]().union(*(names(rule.body) for rule in rules))
    handle = cedarpy.PolicySet.from_str("\n".join(rule.text for rule in rules))
    every = {each.name for each in fields(Facts)}
    telling = attrgetter(*sorted(every if mentioned >= EVERYTHING else mentioned | set(VOCABULARY)))
    return PolicySet(tuple(rules), handle, mentioned, named, "\n".join([schema, *files.values()]), telling)


def shipped() -> dict[str, str]:
    """The policy files of this release."""
    folder = resources.files("policy.rules")
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".cedar"))
    return {name: folder.joinpath(name).read_text(encoding="utf-8") for name in found}


def schema_text() -> str:
    return resources.files("policy.rules").joinpath(SCHEMA).read_text(encoding="utf-8")


def given(paths: list[Path]) -> dict[str, str]:
    """Policy files of the installation's own. Raises BadInput for one that cannot be read."""
    texts = {}
    for path in paths:
        try:
            texts[str(path)] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise BadInput(f"{path} cannot be read: {reason}.") from None
    return texts


def folder_files(folder: Path | None) -> list[Path]:
    """The *.cedar files of a folder in the order of their names. Raises BadInput when there is no such folder."""
    if folder is None:
        return []
    if not folder.is_dir():
        raise BadInput(f"AUTONOMY_POLICIES: {folder} is no folder. Make it, or unset the variable.")
    return sorted(folder.glob("*.cedar"))


def load(folder: Path | None = None, brought: Mapping[str, Files] = MappingProxyType({})) -> PolicySet:
    """The shipped policies, what each domain has `brought`, and those of `folder`.

    Raises BadInput with file, line and reason.
    """
    return parse(shipped() | together(brought) | given(folder_files(folder)), schema_text(), owners(brought))


def together(brought: Mapping[str, Files]) -> dict[str, str]:
    """The policy files of all domains."""
    return {name: text for files in brought.values() for name, text in files.items()}


def owners(brought: Mapping[str, Files]) -> dict[str, str]:
    """Policy file -> the domain that brings it."""
    return {name: domain for domain, files in brought.items() for name in files}


def reloaded(last_good: PolicySet, read: Callable[[], PolicySet]) -> tuple[PolicySet, str]:
    """What `read` gives and no complaint, or the last good set and why it was kept."""
    try:
        return read(), ""
    except (BadInput, OSError) as error:
        return last_good, str(error)


def rule_of(policies: PolicySet, cedar_id: str) -> Rule:
    """The rule behind the id that Cedar counts it by."""
    return policies.rules[int(cedar_id.removeprefix("policy"))]
