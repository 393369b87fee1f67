"""One answer to many reviews that are alike. Each is a decision of its own: one may be lost, the others taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from core.errors import BadInput
from core.state import Json
from core.vocabulary import Reason, Verdict
from runtime import threads
from runtime.wiring import Application

MOST: Final = 100
"""Reviews that one click decides."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Numbers of the reviews that were decided, and of the others why not."""

    taken: tuple[int, ...]
    lost: tuple[tuple[int, str], ...]


async def decide_alike(
    app: Application,
    numbers: Sequence[int],
    wire: Literal["approve", "reject"],
    person: threads.Person,
    *,
    message: str = "",
    verdict: Verdict | None = None,
    reason: Reason | None = None,
) -> Taken:
    """Approve or reject open actions of one task type for one reason. Raises BadInput when they are not alike."""
    rows = [await app.reviews.get(number) for number in dict.fromkeys(numbers)]
    if why := unlike(rows):
        raise BadInput(f"These cannot be decided together: {why}.")
    taken, lost = list[int](), list[tuple[int, str]]()
    for row in rows:
        said: Json = {"message": message, "verdict": verdict, "reason": reason}
        try:
            await threads.decide(app, row["number"], wire, person, **said)
            taken.append(row["number"])
        except BadInput as error:
            lost.append((row["number"], str(error)))
    return Taken(tuple(taken), tuple(lost))


def unlike(rows: Sequence[dict[str, Any]]) -> str:
    """Why these reviews are not to be decided by one click; empty when they may be. Pure."""
    if not rows or len(rows) > MOST:
        return f"choose between 1 and {MOST}"
    if {row["kind"] for row in rows} != {"action"}:
        return "only proposed actions are approved or rejected"
    if len({(row["tenant"], row["task_type"], row["reason"]) for row in rows}) > 1:
        return "they are of different task types, tenants or reasons"
    if any(row["tier"] not in ("read-only", "reversible") for row in rows):
        return "what cannot be undone is decided one by one"
    return ""
