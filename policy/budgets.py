"""Budgets and limits as data, and what a call must reserve of them. Pure; the table and the lock are store/spending.py.

A reservation is made before a call and either used or released after it. Several rows are reserved together or not at
all. What is used up is for a person: an approval of exactly this call may go over, and raises the limit by what is
missing. A rate is no budget: it is there again within a minute, so it is waited for, as often as core/retries.py has
waits; after the last one a person decides here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, assert_never

from core.errors import AutonomyError, BadInput, ToolError
from core.tools import ToolSpec
from core.vocabulary import SpendUnit as Unit
from core.vocabulary import Tier
from policy.limits import MAX_ATTEMPTS, MAX_REPEATS, MAX_STEPS

Per = Literal["thread", "agent", "proposal", "call"]
Window = Literal["ever", "minute", "day"]


class OverLimit(AutonomyError):
    """A reservation that does not fit was made all the same: a bug, never a person's case."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` of `unit` for each `per` in each `window`. `says` is what a person is told when it is used up."""

    name: str
    unit: Unit
    per: Per
    window: Window
    most: int
    says: str


LIMITS: Final = (
    Limit("irreversible_actions", "irreversible", "thread", "ever", 3, "irreversible actions of this thread"),
    Limit("action_cost", "action_cost", "agent", "day", 10_000, "budget units of this agent today"),
    Limit("calls_per_minute", "calls", "agent", "minute", 3_000, "tool calls of this agent in this minute"),
    Limit("tokens_per_call", "tokens", "call", "ever", 400_000, "tokens that one model call may take"),
    Limit("tokens", "tokens", "thread", "ever", 2_000_000, "tokens of this thread"),
    Limit("cost_per_day", "money", "agent", "day", 20_000_000, "millionths of a dollar of this agent today"),
    Limit("steps", "steps", "thread", "ever", MAX_STEPS, "steps of this thread"),
    Limit("repeats", "repeats", "proposal", "ever", MAX_REPEATS, "times that the same action was proposed"),
    Limit("attempts", "attempts", "thread", "ever", MAX_ATTEMPTS, "proposals in a row that came to nothing"),
)


class Spend(NamedTuple):
    """One row of the spend table before and after a reservation; `limit`, `reserved` and `used` in `unit`."""

    scope: str
    unit: Unit
    window: str
    limit: int
    reserved: int = 0
    used: int = 0

    @property
    def key(self) -> tuple[str, Unit, str]:
        return self.scope, self.unit, self.window

    @property
    def left(self) -> int:
        return self.limit - self.reserved - self.used


AT_ONCE: Final[frozenset[Unit]] = frozenset({"calls"})
"""Units that count from the claim on, whatever comes of the call: it was tried in that minute."""
OF_EFFECTS: Final[frozenset[Unit]] = frozenset({"irreversible"})
"""Units that count effects: a call that the far side surely refused gives them back, though it was made."""


@dataclass(frozen=True, slots=True)
class Need:
    """`amount` of one limit, to be reserved in the row `key`."""

    limit: Limit
    scope: str
    window: str
    amount: int

    @property
    def row(self) -> Spend:
        """The row as it is before anything was spent."""
        return Spend(self.scope, self.limit.unit, self.window, self.limit.most)


class Exhausted(NamedTuple):
    """A limit that a call does not fit in. The answer is a person; `again_at`: when the window ends by itself.

    `of`: all there is of it, with what people have allowed beyond the figure of the limit.
    """

    limit: Limit
    left: int
    wanted: int
    again_at: datetime | None
    of: int

    @property
    def passes(self) -> bool:
        """Whether it is a rate that a later minute has room in, which is waited for instead of asking anybody."""
        return self.limit.window == "minute" and self.wanted <= self.limit.most

    def __str__(self) -> str:
        said = f"{self.wanted} wanted, {max(self.left, 0)} of {self.of} {self.limit.says} left"
        return said if self.again_at is None else f"{said}; more from {self.again_at:%H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Spender:
    """On whose account: `agent` is tenant and domain."""

    agent: str
    thread: str
    proposal_hash: str = ""


def of_call(spec: ToolSpec, tier: Tier) -> dict[Unit, int]:
    """What one call takes."""
    return {"irreversible": int(tier == "irreversible"), "action_cost": spec.cost, "calls": 1}


def of_model_call(most_tokens: int, most_cost: int) -> dict[Unit, int]:
    """What one model call may take at most; what it did not need is released. `most_cost` in millionths of a dollar."""
    return {"tokens": most_tokens, "money": most_cost}


def needs(amounts: Mapping[Unit, int], spender: Spender, at: datetime, limits: Sequence[Limit] = LIMITS) -> list[Need]:
    """The rows to reserve in, in the order in which they must be locked."""
    wanted = [
        Need(limit, scope_of(limit.per, spender), window_of(limit.window, at), amounts[limit.unit])
        for limit in limits
        if amounts.get(limit.unit, 0) > 0 and limit.per != "call"
    ]
    return sorted(wanted, key=lambda need: need.row.key)


def exhausted(rows: Iterable[Spend], wanted: Sequence[Need], at: datetime) -> list[Exhausted]:
    """The limits that `wanted` does not fit in; empty when all of it does."""
    known = {row.key: row for row in rows}
    found = []
    for need in wanted:
        row = known.get(need.row.key, need.row)
        if need.amount > row.left:
            found.append(Exhausted(need.limit, row.left, need.amount, ends(need.limit.window, at), row.limit))
    return found


def too_much(amounts: Mapping[Unit, int], limits: Sequence[Limit] = LIMITS) -> list[Exhausted]:
    """The limits of a single call that `amounts` are above."""
    return [
        Exhausted(limit, limit.most, amounts[limit.unit], None, limit.most)
        for limit in limits
        if limit.per == "call" and amounts.get(limit.unit, 0) > limit.most
    ]


def refusal(found: Sequence[Exhausted], at: datetime) -> ToolError:
    """Why a call is not made. A rate is waited for; everything else is for a person. Nothing was sent."""
    said = "; ".join(map(str, found))
    if all(each.passes for each in found):
        waits = [(each.again_at - at).total_seconds() for each in found if each.again_at is not None]
        return ToolError(f"Too many calls: {said}.", "rate_reached", max(waits, default=0.0), never_sent=True)
    return ToolError(f"A limit is used up: {said}.", "limit_reached", never_sent=True)


def reserved(rows: Iterable[Spend], wanted: Sequence[Need], *, granted: bool = False) -> list[Spend]:
    """The rows as they must be stored, all or none. `granted`: a person approved this very call, which raises a limit
    by what is missing. Raises OverLimit."""
    known = {row.key: row for row in rows}
    return [_reserved(known.get(need.row.key, need.row), need.amount, granted) for need in wanted]


def settled(row: Spend, amount: int, used: int) -> Spend:
    """A reservation of `amount` is over: `used` of it was spent (0: the call never ran), the rest is free again.

    More may have been used than was reserved, when a model went over what it was asked for; it counts all the same.
    """
    return row._replace(reserved=max(0, row.reserved - amount), used=row.used + max(0, used))


def scope_of(per: Per, spender: Spender) -> str:
    match per:
        case "thread":
            return f"thread {spender.thread}"
        case "agent":
            return f"agent {spender.agent}"
        case "proposal":
            return f"proposal {spender.thread} {spender.proposal_hash}"
        case "call":
            return "one call"
        case _:
            assert_never(per)


def window_of(window: Window, at: datetime) -> str:
    """Name of the window that `at` falls in, in UTC."""
    utc = at.astimezone(UTC)
    match window:
        case "ever":
            return "ever"
        case "minute":
            return f"{utc:%Y-%m-%dT%H:%M}"
        case "day":
            return f"{utc:%Y-%m-%d}"
        case _:
            assert_never(window)


def ends(window: Window, at: datetime) -> datetime | None:
    """When the window of `at` ends; None for one that does not."""
    utc = at.astimezone(UTC).replace(second=0, microsecond=0)
    match window:
        case "ever":
            return None
        case "minute":
            return utc + timedelta(minutes=1)
        case "day":
            return utc.replace(hour=0, minute=0) + timedelta(days=1)
        case _:
            assert_never(window)


def changed(limits: Sequence[Limit], most: Mapping[str, Any]) -> tuple[Limit, ...]:
    """`limits` with other figures, by name. Raises BadInput for a name that is none or what is no figure from 0 on."""
    names = {limit.name for limit in limits}
    if wrong := sorted(name for name, figure in most.items() if name not in names or not _figure(figure)):
        raise BadInput(
            f"There is no limit {wrong[0]}, or it is no whole number from 0 on; there are {', '.join(sorted(names))}."
        )
    return tuple(replace(limit, most=most.get(limit.name, limit.most)) for limit in limits)


def most_of(limits: Sequence[Limit]) -> dict[str, int]:
    """Name -> figure."""
    return {limit.name: limit.most for limit in limits}


def _figure(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def _reserved(row: Spend, amount: int, granted: bool) -> Spend:
    missing = amount - row.left
    if missing > 0 and not granted:
        raise OverLimit(f"{amount} {row.unit} do not fit into {row.left} left of {row.scope}.")
    return row._replace(reserved=row.reserved + amount, limit=row.limit + max(0, missing))
