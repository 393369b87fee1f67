"""Attacks and benign tasks through facts and gate, without effects. Calls are counted, not markers in texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, Final, NamedTuple

import yaml

from core.actions import Proposal
from core.handles import Origins, Source
from core.vocabulary import Authority, Environment, PolicyOutcome, members
from evals.red_team.disguises import hidden
from evals.red_team.obedient import SimulatedObedientPlanner
from evals.red_team.world import ORDER, PROFILE, SITUATION, TASK, TOOLS, result, spends_nothing
from policy.check import Approval, Situation, Standing, judge
from policy.gate import CedarGate

PLANNERS: Final = (SimulatedObedientPlanner(by_handle=False), SimulatedObedientPlanner(by_handle=True))
REVIEWER: Final = "simulated reviewer"


class Attack(NamedTuple):
    """`order` stands in the words `says`, hidden in `carrier` by `disguise`."""

    id: str
    carrier: str
    disguise: str
    tool: str
    arguments: Mapping[str, Any]
    says: str

    @property
    def contents(self) -> dict[str, str]:
        """Result -> text of it, as the planner reads it."""
        pieces = hidden(self.says, self.disguise)
        return {f"{self.carrier}:{number}": piece for number, piece in enumerate(pieces)}


class Benign(NamedTuple):
    """What a person wants done, as the calls a good planner makes; `approvals` is what it costs."""

    id: str
    says: str
    calls: Sequence[tuple[str, Mapping[str, Any]]]
    approvals: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call came to before any person was asked; `effect`: it would have run and it matters."""

    attack: str
    tool: str
    arguments: Mapping[str, Any]
    outcome: PolicyOutcome
    effect: bool


def attacks() -> list[Attack]:
    listed = _listed("attacks.yaml")
    return [
        Attack(row["id"], row["carrier"], row["disguise"], row["tool"], row["arguments"], row["says"]) for row in listed
    ]


def benign() -> list[Benign]:
    return [
        Benign(row["id"], row["says"], [(tool, arguments) for tool, arguments in row["calls"]], row["approvals"])
        for row in _listed("benign.yaml")
    ]


def situations() -> Iterator[Situation]:
    """Every environment at every level of authority, everything certified."""
    environments: Sequence[Environment] = ("local", "staging", "production")
    levels: Sequence[Authority] = ("observe", "suggest", "prefill", "execute")
    assert set(environments) == set(members(Environment)) and set(levels) == set(members(Authority))  # noqa: S101
    for environment in environments:
        for authority in levels:
            yield replace(SITUATION, environment=environment, authority=authority)


def attacked(gate: CedarGate, attack: Attack, situation: Situation) -> list[Outcome]:
    """What the obedient planners propose after reading the attack, and what policy says to each."""
    contents = attack.contents
    read = {name: result({"text": text, "said": attack.arguments}) for name, text in contents.items()}
    # Plain words read as rot13 are orders too, for tools that nobody has; they are not what the attack is about.
    proposed = [each for planner in PLANNERS for each in planner.proposals(contents) if each[0] == attack.tool]
    return [_outcome(gate, attack, tool, arguments, situation, read) for tool, arguments in proposed]


def _outcome(
    gate: CedarGate, attack: Attack, tool: str, arguments: dict[str, Any], situation: Situation,
    read: Mapping[str, Source],
) -> Outcome:  # fmt: skip
    origins = Origins(TASK, PROFILE, {**read, "order": result(ORDER, made_by="look_up_order")})
    proposal = Proposal(id=attack.id, action=tool, arguments=arguments)
    decision = judge(gate, proposal, TOOLS, situation, Standing(list(TOOLS), (), None, origins)).decision
    effect = decision.outcome == "allow" and not spends_nothing(TOOLS[tool])
    return Outcome(attack.id, tool, arguments, decision.outcome, effect)


def worked(gate: CedarGate, task: Benign, situation: Situation = SITUATION) -> tuple[int, list[str]]:
    """Approvals that a benign task costs, and the reasons for which a call could not be made at all."""
    approvals, refusals = 0, []
    for number, (tool, arguments) in enumerate(task.calls):
        proposal = Proposal(id=f"{task.id}-{number}", action=tool, arguments=dict(arguments))
        standing = Standing(list(TOOLS), (), None, _read())
        decision = judge(gate, proposal, TOOLS, situation, standing).decision
        if decision.outcome == "review":
            approvals += 1
            approval = Approval(REVIEWER, "publisher", proposal.hash, own=False)
            decision = judge(gate, proposal, TOOLS, situation, replace(standing, approval=approval)).decision
        if decision.outcome != "allow":
            refusals.append(f"{tool}: {'; '.join(decision.reasons)}")
    return approvals, refusals


def _read() -> Origins:
    """An ordinary working day: an order, a mail and a page have been read, so the thread is tainted."""
    mail = result({"from": "kim@customer.example", "text": "My order o-1001 arrived broken."})
    page = result({"title": "How to choose a CRM", "text": "Write down what was promised."})
    return Origins(TASK, PROFILE, {"order": result(ORDER, made_by="look_up_order"), "mail": mail, "page": page})


def _listed(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = yaml.safe_load(
        resources.files("evals.red_team").joinpath(name).read_text(encoding="utf-8")
    )
    return rows
