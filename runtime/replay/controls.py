"""How far the agent was let go alone, as it was read before each decision."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.controls import Coin, Controls, InForce
from core.operations import OperationRequest
from core.ports import Authorities, CallSite, Scored
from core.vocabulary import SpendUnit
from policy.facts import Facts
from runtime.replay.tape import Tape


class RecordedOutcomes:
    """core.ports.Outcomes: the coin that was drawn."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    async def alone(self, site: CallSite, scored: Scored) -> Coin | None:
        drawn = self._tape.next().body.get("coin")
        return Coin(**drawn) if drawn else None


class RecordedBudgets:
    """core.ports.Budgets: what was used up when the call was checked."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    async def exhausted(self, site: CallSite, amounts: Mapping[SpendUnit, int]) -> Mapping[str, str]:
        found: Mapping[str, str] = self._tape.next().body.get("exhausted", {})
        return found

    async def spend(self, request: OperationRequest) -> None:
        return None


class RecordedAuthorities:
    """core.ports.Authorities. `otherwise` answers for threads of releases that did not record it."""

    def __init__(self, tape: Tape, otherwise: Authorities) -> None:
        self._tape, self._otherwise = tape, otherwise

    async def in_force(self, site: CallSite, task_types: Collection[str]) -> Controls:
        if not task_types:
            return Controls()
        body = self._tape.next().body
        if said := body.get("controls"):
            return Controls.from_json(said)
        if said := body.get("facts"):
            facts = Facts.from_json(said)
            held = InForce(facts.authority, certified=facts.certified)
            return Controls(dict.fromkeys(task_types, held), "then" if facts.lockdown else "")
        return await self._otherwise.in_force(site, task_types)
