"""How far an agent may go alone where nothing has been earned: as the environment and the settings allow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from core.controls import Controls, InForce
from core.ports import Authorities, CallSite
from core.vocabulary import Authority, Environment
from policy.authority import composed
from policy.facts import authority_in
from runtime.settings import EVERY_TASK_TYPE


class Lockdown(Protocol):
    """Whether nothing but reading is let through."""

    async def in_force(self, tenant: str, domain: str, environment: str) -> str:
        """Why; empty when there is no lockdown."""
        ...


class NoLockdown:
    """Lockdown where nobody can switch it on."""

    async def in_force(self, tenant: str, domain: str, environment: str) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class EnvironmentAuthorities:
    """core.ports.Authorities. `setting`: task type (or EVERY_TASK_TYPE) -> the most it may do."""

    domain: str
    environment: Environment
    setting: Mapping[str, Authority] = field(default_factory=dict)
    lockdown: Lockdown = field(default_factory=NoLockdown)

    async def in_force(self, site: CallSite, task_types: Collection[str]) -> Controls:
        levels = {name: level_in(self.environment, self.setting, name) for name in task_types}
        return Controls(levels, await self.lockdown.in_force(site.tenant, self.domain, self.environment))


def level_in(environment: Environment, setting: Mapping[str, Authority], task_type: str) -> InForce:
    """The level of one task type that has earned nothing."""
    return lowered(InForce(authority_in(environment), (f"It is what {environment} starts with.",)), setting, task_type)


def lowered(allowed: InForce, setting: Mapping[str, Authority], task_type: str) -> InForce:
    """`allowed` with the setting of that task type over it."""
    return composed(allowed, setting.get(task_type, setting.get(EVERY_TASK_TYPE)))


@dataclass(frozen=True, slots=True)
class BoundedAuthorities:
    """core.ports.Authorities: no more than `earned` gives, than the setting allows and than lockdown lets through."""

    earned: Authorities
    domain: str
    environment: Environment
    setting: Mapping[str, Authority] = field(default_factory=dict)
    lockdown: Lockdown = field(default_factory=NoLockdown)

    async def in_force(self, site: CallSite, task_types: Collection[str]) -> Controls:
        found = await self.earned.in_force(site, task_types)
        levels = {name: lowered(level, self.setting, name) for name, level in found.levels.items()}
        return Controls(levels, await self.lockdown.in_force(site.tenant, self.domain, self.environment))
