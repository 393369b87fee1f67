"""What holds an agent's calls now. Read again before each decision: it may have changed while the thread waited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from core.vocabulary import Authority, Stage


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
    farthest: float | None = None
    """The novelty, 0..1, that what its certificate rests on had at most (99 of 100 tasks); what is newer asks. None: no
    certificate, no such limit."""
    stage: Stage = "matrix"
    """Below `matrix` the score does not decide: an admin has granted that, and it acts alone."""
    asks: bool = False
    """A fixed checkpoint: a person is asked each time."""
    audits: float = 1.0
    """Chance that what it does alone next is looked at afterwards; never 0."""
    era: int = 0
    """How often its autonomy has been taken back; evidence from before does not count."""

    @property
    def alone(self) -> bool:
        """Whether anything at all is done without asking."""
        return not self.asks and (self.threshold is not None or self.stage != "matrix")


@dataclass(frozen=True, slots=True)
class Coin:
    """Drawn and stored before the action. `audited` is decided by nothing but the chance that was drawn."""

    probability: float
    chance: float
    audited: bool


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
        """All that a decision may rest on; the reasons, which are for people, and what is as usual are left out, since
        each step stores this."""
        levels = {name: _unusual(level) for name, level in self.levels.items()}
        return {"levels": levels, **({"lockdown": self.lockdown} if self.lockdown else {})}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        return cls({name: InForce(**level) for name, level in said["levels"].items()}, said.get("lockdown", ""))


def _unusual(level: InForce) -> dict[str, Any]:
    told = {each.name: getattr(level, each.name) for each in fields(level) if each.name != "reasons"}
    usual = {each.name: each.default for each in fields(level)}
    return {name: value for name, value in told.items() if value != usual[name]}
