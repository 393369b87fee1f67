"""What holds an agent's calls now. Read again before each decision: it may have changed while the thread waited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from core.vocabulary import Authority


@dataclass(frozen=True, slots=True)
class InForce:
    """How far an agent goes alone with one task type."""

    level: Authority
    reasons: tuple[str, ...] = ()
    """Sentences that say what holds it there."""
    certified: bool = False
    """Whether a certificate lets it act alone at all."""
    threshold: float | None = None
    """The score, 0..1, up to which it acts without asking; None: it always asks."""


_UNKNOWN: Final = InForce("observe", ("Nothing is known of this kind of task.",))


@dataclass(frozen=True, slots=True)
class Controls:
    """The level of each task type, and whether everything is locked down."""

    levels: Mapping[str, InForce] = field(default_factory=dict)
    lockdown: str = ""
    """Why nothing but reading is let through; empty when there is no lockdown."""

    def of(self, task_type: str) -> InForce:
        return self.levels.get(task_type, _UNKNOWN)

    def to_json(self) -> dict[str, Any]:
        """All that a decision may rest on; the reasons, which are for people, are left out: each step stores this."""
        levels = {
            name: [level.level, level.threshold] if level.certified else [level.level]
            for name, level in self.levels.items()
        }
        return {"levels": levels, **({"lockdown": self.lockdown} if self.lockdown else {})}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        levels = {
            name: InForce(level, certified=bool(certificate), threshold=certificate[0] if certificate else None)
            for name, (level, *certificate) in said["levels"].items()
        }
        return cls(levels, said.get("lockdown", ""))
