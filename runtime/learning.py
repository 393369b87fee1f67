"""Learning how to score from a task type's own outcomes: by an admin's word, or by itself where nothing can be lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.actions import Proposal
from core.errors import BadInput
from escalation.betting import Evidence, clean_needed
from escalation.certificate import Certificate
from escalation.learning import NEEDED, Lesson, Past, lesson
from escalation.levels import in_short
from escalation.scoring import Scoring, base_of, with_scoring
from escalation.signals import action_key, samples_of
from escalation.standing import beginning, stored
from runtime import levels
from runtime.roles import refuse_unless_admin
from runtime.threads import Person
from runtime.wiring import Application
from store.scorings import ScoringStore, made_of
from store.standings import RUNTIME, Change, Place, StandingStore


@dataclass(frozen=True, slots=True)
class Look:
    """What could be learned of a task type. `now`: where it stands; `then`: with it."""

    place: Place
    risk: str
    lesson: Lesson
    now: str
    then: str

    @property
    def version(self) -> str:
        """That new threads would be run by."""
        return with_scoring(base_of(self.place.behaviour_version), self.lesson.scoring)


async def look(app: Application, tenant: str, task_type: str) -> Look:
    """What the outcomes of the behaviour version in use teach. Raises BadInput for what is no task type."""
    place, risk = await levels.place_of(app, tenant, task_type)
    rows = await StandingStore(app.pool).listed(tenant, task_type, 0)
    standing = next((row for row in rows if Place(*(row[name] for name in Place._fields)) == place), None)
    now = "nothing was decided yet" if standing is None else "; ".join(in_short(stored(standing).certificate))
    then = "; ".join(in_short(beginning(risk).certificate))
    return Look(place, risk, await _lesson(app, place), now, then)


async def activate(app: Application, person: Person, found: Look, reason: str) -> Place:
    """Score new threads by what was learned. Raises BadInput when that is nothing, or for who may not."""
    await _refuse_unless_admin(app, person, found.place.tenant)
    if found.lesson.missing:
        raise BadInput(f"Nothing is learned of {found.place.task_type} yet; it takes {found.lesson.missing}.")
    if found.version == found.place.behaviour_version:
        raise BadInput(f"{found.place.task_type} is scored by that already.")
    said = f"{_words(found.lesson)}: {levels.said(reason)}"
    change = Change("rescored", said, person.name, person.verified)
    return await ScoringStore(app.pool).adopt(found.place, found.risk, found.lesson.scoring, change)


async def put_back(app: Application, person: Person, tenant: str, task_type: str, reason: str) -> Place:
    """Score new threads as usual again, on what was certified so. Raises BadInput when they are, or for who may not."""
    await _refuse_unless_admin(app, person, tenant)
    place, risk = await levels.place_of(app, tenant, task_type)
    change = Change("rescored", f"as usual again: {levels.said(reason)}", person.name, person.verified)
    if not await ScoringStore(app.pool).put_back(place, risk, change):
        raise BadInput(f"{task_type} is scored as usual; there is nothing to put back.")
    return place._replace(behaviour_version=base_of(place.behaviour_version))


async def recalibrate(app: Application) -> list[Place]:
    """Recalibrate the self-report of task types in use, each once a behaviour version, where it helps on outcomes that
    were held out and no evidence is lost by beginning anew."""
    found = list[Place]()
    versions: Mapping[str, str] | None = None
    scorings = ScoringStore(app.pool)
    for row in await scorings.due(NEEDED):
        versions = versions or await levels.versions_in_use(app)
        place = Place(*(row[name] for name in Place._fields))
        if versions.get(place.task_type) != place.behaviour_version or not nothing_to_lose(stored(row).certificate):
            continue
        learned = await _lesson(app, place)
        if learned.brier is None:
            continue
        scoring = Scoring(learned.scoring.calibration, None, learned.scoring.labels)
        change = Change("rescored", _words(learned, weights=False), RUNTIME)
        found.append(await scorings.adopt(place, row["risk"], scoring, change))
    return found


def nothing_to_lose(certificate: Certificate) -> bool:
    """Whether beginning anew takes no more right outcomes than going on: nothing is certified, nor nearly."""
    if certificate.threshold is not None or certificate.first is None:
        return False
    needed = clean_needed(certificate.evidence[certificate.first], certificate.alpha)
    return needed is None or needed >= (clean_needed(Evidence(), certificate.alpha) or 0)


async def _lesson(app: Application, place: Place) -> Lesson:
    return lesson([_past(row) for row in await ScoringStore(app.pool).labelled(made_of(place))])


def _past(row: Mapping[str, Any]) -> Past:
    parts = (row["parts"]["low_confidence"], row["parts"]["novelty"], row["parts"]["historical_need"])
    past = Past(parts, row["verdict"] != "right", row["propensity"])
    try:
        proposal = Proposal.model_validate(json.loads(row["content"] or ""))
    except ValueError:
        return past  # not kept, or of a release that said it otherwise: its parts are known
    samples = samples_of(action_key(proposal.action, proposal.arguments), proposal.samples)
    return past._replace(report=proposal.report, samples=samples)


def _words(learned: Lesson, *, weights: bool = True) -> str:
    said = [f"scored by what {learned.labels} labelled outcomes teach"]
    if learned.brier:
        said.append(
            f"self-report recalibrated (off by {learned.brier.learned:.3f} instead of {learned.brier.usual:.3f})"
        )
    if weights and learned.scoring.weights:
        shares = ", ".join(f"{value:.2f}" for value in learned.scoring.weights.values)
        said.append(f"weights {shares} of low confidence, novelty and history")
    return "; ".join(said)


async def _refuse_unless_admin(app: Application, person: Person, tenant: str) -> None:
    await refuse_unless_admin(app, person, app.settings.environment, tenant, "changes how a task type is scored")
