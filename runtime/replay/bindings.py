"""Every port of nodes/bindings.py, answered from one record."""

from __future__ import annotations

from dataclasses import dataclass

from core.retries import POSTPONEMENTS
from nodes.bindings import Bindings
from runtime.authorities import EnvironmentAuthorities
from runtime.models import OFFLINE
from runtime.replay.content import RecordedArtifacts
from runtime.replay.controls import RecordedAuthorities, RecordedBudgets, RecordedOutcomes
from runtime.replay.effects import RecordedExecutor
from runtime.replay.memory import RecordedMemory
from runtime.replay.models import RecordedModel, RecordedWays
from runtime.replay.offers import RecordedOff
from runtime.replay.people import RecordedPeople
from runtime.replay.record import Record
from runtime.replay.signals import RecordedScorings, RecordedSignals
from runtime.replay.tape import Tape
from runtime.wiring import Application

NO_CALL = "0" * 32


@dataclass(frozen=True, slots=True)
class Replaying:
    """What one replay is made of."""

    tape: Tape
    people: RecordedPeople
    bound: Bindings


def replaying(app: Application, record: Record) -> Replaying:
    """Raises BadInput for a domain that is not installed."""
    tape, thread = Tape.of(record.events), record.thread
    people, signals, artifacts = RecordedPeople(record, tape), RecordedSignals(tape), RecordedArtifacts(record)
    off = RecordedOff(tape, record.events)
    bound = Bindings(
        domain=app.domain(thread["domain"], off),
        model=RecordedModel(record, tape),
        executor=RecordedExecutor(tape),
        artifacts=artifacts,
        approvals=people,
        novelty=signals,
        history=signals,
        outcomes=RecordedOutcomes(tape),
        memory=RecordedMemory(tape, artifacts),
        gate=app.gate,
        environment=thread["environment"],
        authorities=RecordedAuthorities(tape, EnvironmentAuthorities(thread["domain"], thread["environment"])),
        offline=thread["model"] == OFFLINE,
        new_id=lambda: _id(tape),
        budgets=RecordedBudgets(tape),
        limits=app.limits(thread["domain"]),
        samples=RecordedWays(tape),
        scorings=RecordedScorings(tape),
        off=off,
        postponed=len(POSTPONEMENTS),  # what was waited out is not waited for again
    )
    return Replaying(tape, people, bound)


def _id(tape: Tape) -> str:
    """The id that the proposal had; any will do for one that came to nothing."""
    stored = tape.next()
    return str(stored.body["proposal"]) if stored.kind == "decision" else NO_CALL
