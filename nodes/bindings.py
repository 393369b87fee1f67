"""What the nodes of one graph are bound to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.controls import Controls
from core.domain import Domain
from core.ports import (
    Approvals,
    Artifacts,
    Authorities,
    Budgets,
    Executor,
    History,
    Memory,
    Model,
    Novelty,
    Outcomes,
    Unlimited,
)
from core.vocabulary import Environment, Risk
from escalation.samples import NONE, Way
from escalation.scoring import Scoring
from policy.budgets import LIMITS, Limit
from policy.check import Situation

if TYPE_CHECKING:
    from policy.gate import CedarGate


@dataclass(frozen=True, slots=True)
class Bindings:
    """Ports and fixed facts, given to the nodes by closure. `new_id` makes the id of a proposal."""

    domain: Domain
    model: Model
    executor: Executor
    artifacts: Artifacts
    approvals: Approvals
    novelty: Novelty
    history: History
    outcomes: Outcomes
    memory: Memory
    gate: CedarGate
    environment: Environment
    authorities: Authorities
    offline: bool
    new_id: Callable[[], str]
    samples: Mapping[Risk, tuple[Way, ...]] = field(default_factory=lambda: NONE)
    """Further samples of a decision, by the risk of the tool that was chosen."""
    scorings: Mapping[str, Scoring] = field(default_factory=dict)
    """What was learned of scoring, by task type; where nothing was, the usual."""
    budgets: Budgets = field(default_factory=Unlimited)
    limits: Sequence[Limit] = LIMITS
    off: Collection[str] = ()
    """Tools of the domain that are not to be had now, such as those of a server that is down; written down with each
    turn of the planner."""
    postponed: int = 0
    """How often the thread was postponed already in the step this run begins with."""

    def situation(
        self,
        tenant: str,
        controls: Controls,
        task_type: str,
        exhausted: Collection[str] = (),
        *,
        tainted: bool = False,
    ) -> Situation:
        """What holds for calls of tools of `task_type`. `exhausted`: names of limits that a call would go over."""
        in_force = controls.of(task_type)
        return Situation(
            self.domain.name,
            tenant,
            self.environment,
            in_force.level,
            self.offline,
            lockdown=bool(controls.lockdown),
            exhausted=frozenset(exhausted),
            certified=frozenset({task_type} if in_force.certified else ()),
            tainted=tainted,
        )
