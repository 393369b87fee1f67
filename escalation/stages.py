"""Four stages of asking: full, checkpoints, human_tool, matrix. Each has what the one before it has, and more. Pure.

full: nothing is asked at decision points. checkpoints: a person is asked at fixed ones. human_tool: the agent may ask.
matrix: the score decides as well. Gates of policy hold in every stage; whatever runs alone is audited in every stage.
"""

from __future__ import annotations

from core.actions import Score
from core.controls import InForce
from core.vocabulary import Stage, members


def known_stage(word: object) -> Stage:
    """`word` if it is a stage, else the one that asks the most."""
    stages: tuple[Stage, ...] = members(Stage)  # type: ignore[assignment]
    return next((stage for stage in stages if stage == word), "matrix")


def in_effect(configured: Stage, waived: str | None) -> Stage:
    """The stage of a task type: a lower one than matrix holds only if an admin has granted that very one."""
    return configured if configured == waived else "matrix"


def may_ask(stage: Stage) -> bool:
    """Whether the agent is offered a question to a person."""
    return stage in ("human_tool", "matrix")


def routed(scored: Score, held: InForce) -> Score:
    """The score with the band that its stage gives it, and why."""
    if held.asks:
        reason = "A person is asked at this step each time, whatever the score."
        band = "review" if scored.band == "proceed" or held.stage != "matrix" else scored.band
        return scored.model_copy(update={"band": band, "reasons": (*scored.reasons[:-1], reason)})
    if held.stage == "matrix":
        return scored
    reason = f"Its stage is {held.stage}, which an admin has granted: the score of {scored.total:.2f} does not decide."
    return scored.model_copy(update={"band": "proceed", "reasons": (*scored.reasons[:-1], reason)})
