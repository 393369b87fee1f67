"""The rules that decide in this process: read at the first question, and again when the installation's files change."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.domain_rules import brought

if TYPE_CHECKING:
    from policy.gate import CedarGate

Stamp = tuple[tuple[str, int, int], ...]
"""Name, time of the last change in nanoseconds and size of each file of rules; empty without a folder."""


@dataclass(slots=True)
class RulesInForce:
    """Rules of this release, of `domains` and of `folder`. A run keeps those that it began with."""

    folder: Path | None
    domains: tuple[str, ...]
    _gate: CedarGate | None = field(default=None, repr=False)
    _stamp: Stamp = ()

    def gate(self) -> CedarGate:
        """Raises BadInput with file, line and reason."""
        if self._gate is None:
            self._stamp = _stamp(self.folder)
            self._gate = _gate_of(self.folder, self.domains, self._stamp)
        return self._gate

    def look(self) -> str:
        """Take up rules that have changed since they were read, or keep the last good ones; a line of which, empty when
        nothing changed."""
        if self._gate is None or (now := _stamp(self.folder)) == self._stamp:
            return ""
        from policy.gate import CedarGate
        from policy.policy_set import load, reloaded

        good, self._stamp = self._gate.policies, now
        taken, why = reloaded(good, lambda: load(self.folder, brought(self.domains)))
        if why:
            return f"The rules in force stay as they were: {why}"
        if taken.hash == good.hash:
            return ""
        self._gate = CedarGate(taken)
        return f"{len(taken.rules)} rules are in force, read again: {self.folder}"


@cache
def _gate_of(folder: Path | None, domains: tuple[str, ...], changed: Stamp) -> CedarGate:
    """Read once by each process while the files stay as they are. Raises BadInput with file, line and reason."""
    from policy.gate import load_gate  # brings Cedar, for which no command that only reads has to wait

    return load_gate(folder, brought(domains))


def _stamp(folder: Path | None) -> Stamp:
    return tuple(sorted(_files(folder))) if folder is not None else ()


def _files(folder: Path) -> list[tuple[str, int, int]]:
    found = []
    for path in folder.glob("*.cedar"):
        try:
            state = path.stat()
        except OSError:  # gone since it was listed, or unreadable: reading the rules says so
            continue
        found.append((path.name, state.st_mtime_ns, state.st_size))
    return found
