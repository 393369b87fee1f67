"""The `spend` table: what was reserved and used of each limit. Decided by policy/budgets.py, stored here.

Lock order: thread, operation, spend; the rows of `spend` among themselves in the order of `budgets.needs`. They are
locked last and for as short as possible, since all threads of an agent share some of them.

Who pays what, and when:
- An operation reserves its cost and, if it cannot be undone, its share of the irreversibility budget in the claim. That
  is held under its key and revision exactly as long as an attempt is under way or its effect is unknown. Whoever brings
  it out of that settles it: the run, its successor, the far side or a person. Nothing leaks with a kill.
- A further attempt of an operation whose effect is unknown holds its share already and does not pay twice. One that was
  never sent, or that a person says did not happen, gives all of it back, and pays again when it is claimed again.
- An operation that the far side refused has cost its units, but nothing irreversible has happened.
- Each attempt counts in its minute, from the claim on. A claim that is answered from the record, refused or told to
  wait takes nothing.
- A local operation pays when it succeeds, in its own transaction; when that is rolled back, nothing was paid.
- Reading pays at once, in one short transaction.
- A model call reserves the most it may take, and settles with its record. Without a record, because its process died,
  it counts in full once it can no longer be under way; the next call that meets the row sees to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from core.errors import ModelError
from core.operations import OperationMove, OperationRequest
from core.people import Approver
from core.ports import CallSite
from core.vocabulary import SpendUnit, members
from policy.budgets import (
    AT_ONCE,
    LIMITS,
    OF_EFFECTS,
    Exhausted,
    Limit,
    Need,
    Spend,
    Spender,
    exhausted,
    needs,
    refusal,
    reserved,
    too_much,
)
from store.database import Connection, Pool
from store.sql import query

_UNITS: Final[Sequence[str]] = members(SpendUnit)
_OF_CALLS: Final = [unit for unit in _UNITS if unit not in OF_EFFECTS]
Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


def agent_of(tenant: str, domain: str) -> str:
    return f"{tenant}/{domain}"


async def reserve(
    connection: Connection, wanted: Sequence[Need], at: datetime, *, holder: str | None, granted: bool
) -> list[Exhausted]:
    """Take `wanted` in the caller's transaction: held under `holder`, or used at once without one.

    `granted`: a person approved this very call; the limits that it goes over are returned, and raised.
    Raises ToolError when it does not fit, and then nothing was changed.
    """
    rows = await _locked(connection, wanted)
    over = exhausted(rows, wanted, at)
    if [each for each in over if not (granted and not each.passes)]:
        raise refusal(over, at)
    after = reserved(rows, wanted, granted=granted)
    await _take(connection, rows, after, wanted, holder)
    return over


async def settle(connection: Connection, holder: str, by: OperationMove, *, never_sent: bool) -> None:
    """What an operation holds is used or released, as the move says that it makes."""
    used = used_after(by, never_sent)
    if used is not None:
        await connection.execute(query("spend_settle"), _settled(holder, list(used)))


def used_after(by: OperationMove, never_sent: bool = False) -> Sequence[str] | None:
    """Units that have been used once an operation has made a move; None while it keeps what it holds. Pure."""
    match by:
        case "succeed" | "find" | "happened" | "abandon":  # whether what was given up took effect is not known
            return _UNITS
        case "fail":
            return () if never_sent else _OF_CALLS
        case "try_again" | "did_not_happen":
            return ()
        case "claim" | "lose" | "take_over" | "repeat" | "miss" | "reopen":
            return None


@dataclass(frozen=True, slots=True)
class PostgresBudgets:
    """core.ports.Budgets over a pool. `agent` is tenant and domain."""

    pool: Pool
    agent: str
    limits: Sequence[Limit] = LIMITS
    clock: Clock = now

    async def exhausted(self, site: CallSite, amounts: Mapping[SpendUnit, int]) -> dict[str, str]:
        at = self.clock()
        wanted = needs(amounts, Spender(self.agent, site.thread_id), at, self.limits)
        async with self.pool.connection() as connection:
            rows = await (await connection.execute(query("spend_read"), _keys(wanted))).fetchall()
        return {each.limit.name: str(each) for each in exhausted(map(_spend, rows), wanted, at) if not each.passes}

    async def spend(self, request: OperationRequest) -> None:
        at = self.clock()
        wanted = needs(request.amounts, Spender(self.agent, request.thread_id), at, self.limits)
        async with self.pool.connection() as connection, connection.transaction():
            granted = request.gated and await approved(connection, request) is not None
            await reserve(connection, wanted, at, holder=None, granted=granted)


async def approved(connection: Connection, request: OperationRequest) -> Approver | None:
    """Who approved exactly this call, and what they are by now; None: nobody. A resume payload is never proof."""
    proof = {"id": request.thread_id, "hash": request.proposal_hash}
    row = await (await connection.execute(query("review_approver"), proof)).fetchone()
    return None if row is None else Approver(**row)


async def reserve_model_call(
    pool: Pool, spender: Spender, limits: Sequence[Limit], call: str, amounts: Mapping[SpendUnit, int], seconds: float
) -> None:
    """Hold the most that a model call may take, for `seconds`. Raises ModelError(limit_reached)."""
    at = now()
    wanted = needs(amounts, spender, at, limits)
    if above := too_much(amounts, limits):
        raise ModelError(str(refusal(above, at)), "limit_reached")
    async with pool.connection() as connection, connection.transaction():
        await _locked(connection, wanted)
        await connection.execute(query("spend_lapse"), _keys(wanted))
        over = exhausted(await _locked(connection, wanted), wanted, at)
        if over:
            full = ModelError(str(refusal(over, at)), "limit_reached")
            missing = {each.limit: each.wanted - each.left for each in over}
            full.limits = tuple(
                {"scope": need.scope, "unit": need.limit.unit, "window": need.window,
                 "most": need.limit.most, "more": max(need.limit.most, missing[need.limit])}
                for need in wanted
                if need.limit in missing
            )  # fmt: skip
            raise full
        await reserve(connection, wanted, at, holder=call, granted=False)
        await connection.execute(query("spend_until"), {"holder": call, "until": at + timedelta(seconds=seconds)})


async def grant(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """A person allows more, in the transaction of their decision. `rows`: scope, unit, window, most, more."""
    for row in sorted(rows, key=lambda row: (row["scope"], row["unit"], row["window"])):
        await connection.execute(query("spend_grant"), dict(row))


async def settle_model_call(connection: Connection, call: str, tokens: int | None, money: int | None) -> None:
    """What it took, in the transaction that records it; None: not known, so all that was held. Nothing happens to a
    call that has lapsed and was counted in full before."""
    full = [unit for unit, taken in (("tokens", tokens), ("money", money)) if taken is None]
    settled = {"holder": call, "full": full, "tokens": tokens or 0, "money": money or 0}
    await connection.execute(query("spend_settle"), settled)


async def _locked(connection: Connection, wanted: Sequence[Need]) -> list[Spend]:
    """The rows of `wanted`, made if need be, and held until the transaction ends."""
    asked = _keys(wanted) | {"limits": [need.limit.most for need in wanted]}
    rows = await (await connection.execute(query("spend_lock"), asked)).fetchall()
    return [_spend(row) for row in rows]


async def _take(
    connection: Connection, before: Sequence[Spend], after: Sequence[Spend], wanted: Sequence[Need], holder: str | None
) -> None:
    was = {row.key: row for row in before}
    at_once = [holder is None or row.unit in AT_ONCE for row in after]
    await connection.execute(
        query("spend_take"),
        _keys(wanted)
        | {
            "holder": holder,
            "held": [0 if now else need.amount for now, need in zip(at_once, wanted, strict=True)],
            "used": [need.amount if now else 0 for now, need in zip(at_once, wanted, strict=True)],
            "granted": [row.limit - was[row.key].limit for row in after],
        },
    )


def _keys(wanted: Sequence[Need]) -> dict[str, Any]:
    return {
        "scopes": [need.scope for need in wanted],
        "units": [need.limit.unit for need in wanted],
        "windows": [need.window for need in wanted],
    }


def _spend(row: Mapping[str, Any]) -> Spend:
    most = row["limit"] + row["granted"]
    return Spend(row["scope"], row["unit"], row["window"], most, row["reserved"], row["used"])


def _settled(holder: str, full: list[str]) -> dict[str, Any]:
    return {"holder": holder, "full": full, "tokens": 0, "money": 0}
