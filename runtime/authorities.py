"""How far an agent may go alone where nothing has been earned: as the environment allows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core.controls import Controls, InForce
from core.ports import CallSite
from core.vocabulary import Environment
from policy.facts import authority_in


@dataclass(frozen=True, slots=True)
class EnvironmentAuthorities:
    """core.ports.Authorities."""

    environment: Environment

    async def in_force(self, site: CallSite, task_types: Collection[str]) -> Controls:
        level = authority_in(self.environment)
        return Controls(dict.fromkeys(task_types, InForce(level, (f"It is what {self.environment} starts with.",))))
