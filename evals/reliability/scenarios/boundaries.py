"""SIGKILL at every boundary of every class of tools; another worker carries on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, get_args

from evals.reliability import domain
from evals.reliability.account import account, all_done, at_rest, findings, target_of
from evals.reliability.crew import Crew
from evals.reliability.effect_server import Act
from evals.reliability.fuses import Boundary
from evals.reliability.report import Finding
from evals.reliability.stage import Stage, Trial, step
from evals.reliability.theatre import FAR_BOUNDARIES, Size, Theatre

NAME: Final = "boundaries"
AMBIGUOUS: Final = frozenset({"claimed", "sent", "applied without answer", "answered"})
"""Where nobody can tell, from what is stored, whether the call took effect."""
_LEDGER: Final = frozenset({"before claim", "claimed", "answered", "recorded"})
_WORKERS: Final = 4
_PATIENCE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Death:
    """One way to die: `boundary` while `tool` is run."""

    boundary: str
    tool: str

    @property
    def leaves_doubt(self) -> bool:
        return self.tool == "send" and self.boundary in AMBIGUOUS


def deaths(boundaries: tuple[str, ...]) -> Iterator[Death]:
    """All that make sense: reading has no ledger, what is local sends nothing, a job ends once for all classes."""
    for boundary in boundaries:
        for tool in domain.CLASSES:
            without_record = tool == "look" and boundary in _LEDGER
            without_sending = tool == "note" and boundary in FAR_BOUNDARIES
            said_already = tool != "send" and boundary == "before job finish"
            if not (without_record or without_sending or said_already):
                yield Death(boundary, tool)


async def run(theatre: Theatre, size: Size) -> list[Finding]:
    planned = list(deaths(size.boundaries))
    async with theatre.stage(NAME) as stage:
        trials = [await _condemned(stage, death) for death in planned]
        # One thread to a worker: a death in passing would be one at another boundary.
        async with Crew(replace(stage.orders, concurrency=1), _WORKERS) as crew:
            await at_rest(stage, trials, _PATIENCE)
            doubts = await _doubts(stage, trials, planned)
            await all_done(stage, trials, _PATIENCE)
            unused = stage.orders.fuses.unused()
        counted = await account(stage, trials)
    died = f"{crew.deaths} kills, {len(unused)} that did not come, {len(crew.accidents)} workers that ended otherwise"
    return [
        Finding(NAME, f"{len(planned)} kills, one at each boundary of each class", died,
                crew.deaths == len(planned) and not unused and not crew.accidents),
        doubts,
        *findings(NAME, counted),
    ]  # fmt: skip


async def _condemned(stage: Stage, death: Death) -> Trial:
    """A thread whose second step kills its worker once, and two ordinary steps around it."""
    fatal = step(death.tool)
    trial = await stage.start((step("note"), fatal, step("put")))
    if death.boundary == "sent":
        stage.far.plan(fatal.target, Act(act="signal", at="received", signal="KILL"))
    elif death.boundary == "applied without answer":
        stage.far.plan(fatal.target, Act(act="signal", at="applied", signal="KILL"))
    for boundary in get_args(Boundary):
        if boundary == death.boundary:
            stage.orders.fuses.lay(trial.thread_id, boundary, "" if boundary == "before job finish" else death.tool)
    return trial


async def _doubts(stage: Stage, trials: list[Trial], planned: list[Death]) -> Finding:
    """At rest, exactly the ambiguous unsafe calls wait for a person, and none was sent again meanwhile."""
    expected = {trial.steps[1].target for trial, death in zip(trials, planned, strict=True) if death.leaves_doubt}
    reviews = await stage.open_reviews(trials)
    asked = {target_of(review) for review in reviews if review["kind"] == "unknown_effect"}
    requests = stage.far.counts().requests
    again = [target for target in expected if requests.get(target, 0) > 1]
    others = len(reviews) - len(asked)
    seen = (
        f"{len(asked & expected)} of {len(expected)} wait, {len(asked - expected)} wait without doubt, "
        f"{len(again)} sent again by themselves, {others} other reviews"
    )
    required = "an ambiguous unsafe call waits for a person, an unambiguous one does not"
    return Finding(NAME, required, seen, asked == expected and not again and not others)
