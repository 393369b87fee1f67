"""Should a person be asked? Gathers signals through ports; the score itself is pure."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final

from langgraph.runtime import Runtime

from core.actions import PolicyDecision, Proposal, Score
from core.canonical import canonical_json, sha256
from core.controls import Coin, Controls, InForce
from core.domain import View
from core.events import event
from core.ports import History, Novelty, NoveltyReading, Past, Scored
from core.reviews import action_request, at_stake
from core.state import Json, ThreadState
from escalation.score import Signals, Words, score, too_new
from escalation.scoring import USUAL
from escalation.signals import Readings, action_key, samples_of
from escalation.stages import routed
from escalation.standing import counts
from nodes.bindings import Bindings
from nodes.origins import shown
from nodes.planner import Node, call_site
from nodes.views import view_of

_TAKEN_BACK: Final = "What it relied on was taken back while this was being decided."


def escalation_score(bound: Bindings) -> Node:
    async def node(state: ThreadState, runtime: Runtime[Any]) -> Json:
        proposal = Proposal.model_validate(state["proposal"])
        policy = PolicyDecision.model_validate(
            {k: v for k, v in (state["policy"] or {}).items() if k in PolicyDecision.model_fields}
        )
        view = await view_of(bound.artifacts, bound.domain.reads, state)
        site, task_type = call_site(state, runtime), proposal.action
        controls, (reading, past) = await asyncio.gather(
            bound.authorities.in_force(site, {task_type}),
            alike(bound.novelty, bound.history, site.tenant, task_type, bound.domain.situation(view, task_type)),
        )
        held, coin = controls.of(task_type), None
        signals = _signals(bound, view, proposal, held, past, reading)
        scored = routed(score(signals), held)
        if scored.band == "proceed" and policy.outcome == "allow":
            coin = await bound.outcomes.alone(site, _about_to_run(bound, proposal, scored, held))
            if coin is None:
                scored = score(replace(signals, threshold=None, evidence_reasons=(_TAKEN_BACK,)))
        update: Json = {
            "escalation": scored.to_json(),
            "events": [_said(proposal, scored, signals, controls, coin)],
        }
        if coin is not None:
            return update
        filled = await shown(bound.artifacts, state, proposal)
        asked = action_request(filled, policy, scored, bound.domain.explain(view, filled))
        stake = at_stake(bound.domain.tools[task_type], filled.arguments)
        if signals.scoring.weights is not None:
            stake |= {"weights": signals.scoring.weights.as_mapping()}
        earning = _earning(bound, proposal, policy, held)
        earning["counts"] = earning["counts"] and not too_new(signals)
        return update | {"review": asked | {"action_hash": proposal.hash, "earning": earning} | stake}

    return node


async def alike(
    novelty: Novelty, history: History, tenant: str, task_type: str, situation: str
) -> tuple[NoveltyReading, Past]:
    """How new a task is, and how often people changed what was proposed for those most like it."""
    reading = await novelty.nearest(tenant, task_type, situation)
    return reading, await history.changed(tenant, task_type, reading.nearest)


def _signals(
    bound: Bindings, view: View, proposal: Proposal, held: InForce, past: Past, reading: NoveltyReading
) -> Signals:
    reasons = bound.domain.reasons(view, proposal)
    samples = samples_of(action_key(proposal.action, proposal.arguments), proposal.samples)
    readings = Readings(samples=samples) if samples else None
    words = Words(bound.domain.tools[proposal.action].decides, bound.domain.card.unit)
    return Signals(
        proposal.report,
        reading,
        past.changed,
        past.decided,
        held.threshold,
        reasons,
        readings,
        scoring=bound.scorings.get(proposal.action, USUAL),
        farthest=held.farthest,
        words=words,
        alike=past.alike,
    )


def _said(proposal: Proposal, scored: Score, signals: Signals, controls: Controls, coin: Coin | None) -> Json:
    """The score with all it rests on, so that it can be made again."""
    return event(
        "escalation",
        proposal=proposal.id,
        action=proposal.action,
        **scored.to_json(),
        similar=signals.novelty.similar,
        # What a replay answers with: the score's own parts are rounded.
        inputs={
            "novelty": signals.novelty.novelty,
            "note": signals.novelty.note,
            "changed": signals.changed,
            "decided": signals.decided,
            "alike": signals.alike,
        },
        samples=list(proposal.samples),
        **_learned(proposal, signals),
        controls=controls.to_json(),
        coin=None
        if coin is None
        else {"probability": coin.probability, "chance": coin.chance, "audited": coin.audited},
    )


def _learned(proposal: Proposal, signals: Signals) -> Json:
    """What was learned of scoring and what it made of the self-report; nothing where nothing was."""
    if signals.scoring == USUAL:
        return {}
    calibration, stated = signals.scoring.calibration, proposal.report.confidence
    counts_as = None if calibration is None else calibration(stated)
    return {"scoring": {**signals.scoring.to_json(), "stated": stated, "counts_as": counts_as}}


def _about_to_run(bound: Bindings, proposal: Proposal, scored: Score, held: InForce) -> Scored:
    risk = bound.domain.tools[proposal.action].risk
    return Scored(proposal.action, proposal.id, proposal.hash, _artifact(proposal), scored, held.era, risk)


def _earning(bound: Bindings, proposal: Proposal, policy: PolicyDecision, held: InForce) -> Json:
    """What the decision will be evidence of; store/outcomes.py reads it. `floor` is of now, not of the decision."""
    spec = bound.domain.tools[proposal.action]
    rules = policy.rules if policy.outcome == "review" else ()
    return {
        "artifact": _artifact(proposal),
        "floor": held.audits if held.alone else 1.0,
        "era": held.era,
        "risk": spec.risk,
        "counts": counts(spec.tier_of(proposal.arguments), rules, held.asks),
    }


def _artifact(proposal: Proposal) -> str:
    """Under which the planner has stored the whole proposal."""
    return sha256(canonical_json(proposal.to_json()))
