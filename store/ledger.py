"""The ledger of operations: an effect under one key happens once. Its table is core/operations.py.

Every claim, committed before anything is sent, checks in its own transaction that the caller still holds the thread's
lease, that a gated call was approved by a person as exactly this request, who still is what they were when policy
accepted it, and that there is no lockdown; and it reserves what the call takes (store/spending.py). Every attempt is a
row of history and an event, in the transaction that it speaks of. Lock order: lockdown, thread, operation, spend.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, assert_never

from psycopg import OperationalError

from core.errors import LeaseLost, ToolError
from core.events import Event
from core.failures import named
from core.operations import Claim, Held, OperationMove, OperationRequest, Step, in_question, next_step
from core.operations import in_force as revision_in_force
from core.vocabulary import Attempt, OperationState, SpendUnit, members
from policy.budgets import AT_ONCE, LIMITS, Limit, Spender, needs
from policy.people import role_of
from store.artifacts import PostgresArtifacts, PostgresDocuments
from store.database import Connection, Pool
from store.events import append, lock_thread
from store.lockdown import hold_off, in_force
from store.operations import Place, Said, holder_of, move, write_down
from store.spending import agent_of, approved, now, reserve
from store.sql import query

_ENDINGS: Final[Mapping[OperationState, OperationMove]] = {
    "succeeded": "succeed",
    "started": "try_again",
    "failed": "fail",
    "unknown": "lose",
}


@dataclass(frozen=True, slots=True)
class PostgresLocalOperation:
    """core.ports.LocalOperation: everything on one connection, committed together."""

    claim: Claim
    artifacts: PostgresArtifacts
    documents: PostgresDocuments
    succeed: Callable[[Mapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Page:
    """One transaction of the ledger: the thread's row is held, and what is said is appended once, at its end."""

    connection: Connection
    request: OperationRequest
    thread: Mapping[str, Any]
    epoch: int
    limits: Sequence[Limit]
    events: list[Event] = field(default_factory=list)

    async def move(
        self, place: Place, by: OperationMove, said: Attempt | None = None, outcome: Mapping[str, Any] | None = None
    ) -> Place | None:
        message = str(((outcome or {}).get("failure") or {}).get("message", ""))
        words = None if said is None else Said(said, self.request.thread_id, message=message)
        done = await move(self.connection, place, by, words, outcome)
        if done is None:
            return None
        self.events.extend(done.events)
        return done.place

    async def run(self, place: Place, *, held: bool = False) -> Claim:
        """The attempt that comes next belongs to this run. `held`: what it takes is reserved already."""
        row = _row(self.request, place.revision, self.epoch)
        found = await (await self.connection.execute(query("operation_run"), row)).fetchone()
        if found is None:
            raise _vanished(self.request)
        return await self.started(place.revision, found, held=held)

    async def claim_new(self, revision: int) -> Claim | None:
        """The first attempt of a revision that was not there; None when it is there by now."""
        row = _row(self.request, revision, self.epoch)
        found = await (await self.connection.execute(query("operation_claim"), row)).fetchone()
        return None if found is None else await self.started(revision, found)

    async def started(self, revision: int, found: Mapping[str, Any], *, held: bool = False) -> Claim:
        """Raises ToolError when lockdown, a role or a limit is in the way; then the whole claim is undone."""
        await self.unlocked()
        await self.still_approved()
        claim = Claim(found["fence"], found["attempt"], revision=revision)
        if self.request.idempotency == "local":  # a local effect is never begun without being recorded, and pays then
            return claim
        units = AT_ONCE if held else members(SpendUnit)
        message = await self.pay(units, holder_of(self.request.key, revision))
        said = Said("started", self.request.thread_id, message=message)
        place = _place(self.request, claim, "started")
        self.events.append(await write_down(self.connection, place, said, self.request.tool, self.request.proposal_id))
        return claim

    async def pay(self, units: Collection[str], holder: str | None) -> str:
        """Reserve what the call takes of those units; which limits an approval has gone over, in words."""
        request, at = self.request, now()
        amounts = {unit: amount for unit, amount in request.amounts.items() if unit in units}
        spender = Spender(agent_of(self.thread["tenant"], self.thread["domain"]), request.thread_id)
        if not (wanted := needs(amounts, spender, at, self.limits)):
            return ""
        over = await reserve(self.connection, wanted, at, holder=holder, granted=request.gated)
        return f"over a limit, as approved: {'; '.join(map(str, over))}" if over else ""

    async def unlocked(self) -> None:
        """Raises ToolError when lockdown is on. It is read behind its lock, which `_page` took first."""
        if reason := await in_force(self.connection, *(self.thread[of] for of in ("tenant", "domain", "environment"))):
            raise _judged_again(f"Lockdown is on: {reason}")

    async def still_approved(self) -> None:
        """Raises ToolError when who approved the call is not what they were when policy accepted it. Asked of what is
        about to be sent, and not of the answer to what was sent before."""
        request = self.request
        if request.approved_as is None or (approver := await approved(self.connection, request)) is None:
            return
        role = role_of(self.thread["environment"], approver)
        if role != request.approved_as:
            by, was = approver.by, request.approved_as
            raise _judged_again(f"{by} approved {request.tool} as {was}, and is {role} by now.")


class PostgresLedger:
    """core.ports.Ledger. One per run; `epoch` is the lease of the run."""

    def __init__(self, pool: Pool, epoch: int, limits: Sequence[Limit] = LIMITS) -> None:
        self._pool = pool
        self._epoch = epoch
        self._limits = limits

    async def claim(self, request: OperationRequest) -> Claim:
        """Claim the key, committed before anything is sent. Raises LeaseLost or ToolError."""
        async with self._page(request, sending=True) as page:
            found = await self._claim(page)
        if isinstance(found, ToolError):  # raised here, so that a takeover that leads to it is kept
            raise found
        return found

    async def settle(
        self, request: OperationRequest, claim: Claim, state: OperationState, outcome: Mapping[str, Any]
    ) -> None:
        """Record how an attempt ended. Raises LeaseLost when another has taken over."""
        async with self._page(request) as page:
            await _settle(page, claim, state, outcome)

    async def resolve(self, request: OperationRequest, claim: Claim, found: Mapping[str, Any] | None) -> Claim:
        """What the far side said of an operation whose effect is unknown. Raises LeaseLost or ToolError."""
        async with self._page(request, sending=True) as page:
            await self._entitled(page)
            place = _place(request, claim, "unknown")
            if found is None:
                if (now := await page.move(place, "miss", "absent")) is None:
                    raise _busy(request)
                return await page.run(now, held=True)
            if await page.move(place, "find", "found", found) is None:
                raise _busy(request)
            return replace(claim, ask=False, recorded=found["results"], summary=found["summary"])

    @asynccontextmanager
    async def local(self, request: OperationRequest) -> AsyncIterator[PostgresLocalOperation]:
        """Claim, effect and record in one transaction: for effects in our own Postgres."""
        async with self._page(request, sending=True) as page:
            claim = await self._claim(page)
            if isinstance(claim, ToolError):
                raise claim
            yield PostgresLocalOperation(
                claim,
                PostgresArtifacts(self._pool, page.connection),
                PostgresDocuments(page.connection, request.tenant, request.thread_id),
                partial(_succeed, page, claim),
            )

    @asynccontextmanager
    async def _page(self, request: OperationRequest, *, sending: bool = False) -> AsyncIterator[_Page]:
        try:
            async with self._pool.connection() as connection, connection.transaction():
                if sending:
                    await hold_off(connection)
                thread = await lock_thread(connection, request.thread_id)
                page = _Page(connection, request, thread, self._epoch, self._limits)
                yield page
                if page.events:
                    await append(connection, page.thread, page.events)
        except OperationalError as error:  # what was being done is in the row, and found there by the next run
            raise ToolError(f"The ledger's database did not answer: {type(error).__name__}.", "storage") from error

    async def _claim(self, page: _Page) -> Claim | ToolError:
        await self._entitled(page)
        if (claim := await page.claim_new(1)) is not None:
            return claim
        held = revision_in_force(await self._revisions(page), page.request)
        return await self._follow(page, held, next_step(page.request, held))

    async def _entitled(self, page: _Page) -> None:
        """Lease and approval, read in the claim's own transaction. A resume payload is never proof."""
        request = page.request
        if page.thread["epoch"] != self._epoch:
            raise LeaseLost(request.thread_id)
        if by := page.thread["stop_requested_by"]:  # the run is about to hear of it
            raise ToolError(
                f"{request.tool} was not called: {by} has asked the thread to stop.", "busy", never_sent=True
            )
        if request.gated and await approved(page.connection, request) is None:
            raise ToolError(f"{request.tool} needs a person's approval of exactly this call.", "policy_violation")

    async def _revisions(self, page: _Page) -> tuple[Held, ...]:
        key = {"key": page.request.key}
        await page.connection.execute(query("operation_lock"), key)
        # A statement of its own: revisions that were opened while we waited for the lock are seen.
        rows = await (await page.connection.execute(query("operation_revisions"), key)).fetchall()
        return tuple(self._held(page.request, row) for row in rows)

    def _held(self, request: OperationRequest, row: Mapping[str, Any]) -> Held:
        ours = row["thread_id"] == request.thread_id
        deadline, sent_at = row["deadline"], row["first_sent_at"]
        return Held(
            revision=row["revision"],
            state=row["state"],
            request_hash=row["request_hash"],
            proposal_id=row["proposal_id"],
            thread_id=row["thread_id"],
            fence=row["fence"],
            attempt=row["attempt"],
            under_way=row["epoch"] is not None,
            live=row["epoch"] == self._epoch if ours else row["leased"],
            deadline_left=(deadline - row["read_at"]).total_seconds() if deadline else 0.0,
            sent_ago=(row["read_at"] - sent_at).total_seconds() if sent_at else 0.0,
            sent_at=sent_at.isoformat() if sent_at else "",
            asked_elsewhere=row["asked"],
            results=row["results"],
            summary=row["summary"] or "",
            failure=row["failure"] or {},
        )

    async def _follow(self, page: _Page, held: Held, step: Step) -> Claim | ToolError:
        """Do what the table says about a key that was claimed before."""
        request, place = page.request, Place(page.request.key, held.revision, held.fence, held.attempt, held.state)
        match step:
            case "answer":
                return Claim(held.fence, held.attempt, held.results or {}, held.summary, held.revision)
            case "look_up":
                return Claim(held.fence, held.attempt, revision=held.revision, ask=True)
            case "begin":
                return await page.run(place)
            case "reopen" | "repeat":
                return await page.run(_there(await page.move(place, step), request), held=step == "repeat")
            case "next_revision":
                return await _next_revision(page, place)
            case "take_over":
                now = _there(await page.move(place, "take_over", "taken_over"), request)
                left = replace(held, state=now.state, fence=now.fence, under_way=False)
                return await self._follow(page, left, next_step(request, left))
            case "fail_again" | "refuse" | "busy" | "wait" | "person":
                return _refusal(request, held, step)
            case _:
                assert_never(step)


async def _next_revision(page: _Page, place: Place) -> Claim:
    """Another request where nothing took effect. What still counted on being sent is over."""
    if place.state == "started":
        failure = {"class": "tool_refused", "message": "Not sent: another request took its place."}
        await page.move(place, "fail", "not_sent", {"failure": failure})
    claim = await page.claim_new(place.revision + 1)
    if claim is None:
        raise _vanished(page.request)
    return claim


def _refusal(request: OperationRequest, held: Held, step: Step) -> ToolError:
    """Why nothing is sent, with the class that decides what happens next."""
    if step == "fail_again":
        return ToolError(str(held.failure.get("message", "It failed.")), named(str(held.failure.get("class"))))
    if step == "busy":
        return _busy(request)
    if step == "wait":
        left = max(held.deadline_left, 0.0)
        message = f"What became of {request.tool} is asked once its last call is surely over, in {left:.0f} s."
        return ToolError(message, "transient", left, never_sent=True)
    if step == "person":
        unknown = ToolError(
            f"Whether {request.tool} took effect is not known, and it cannot be asked.", "unknown_effect"
        )
        unknown.operation = in_question(request.key, held.revision, held.fence, held.attempt, held.sent_at)
        return unknown
    return ToolError(
        f"{request.tool} was already called for this with another content (thread {held.thread_id}); "
        "it is not done twice.",
        "tool_refused",
    )


async def _succeed(page: _Page, claim: Claim, outcome: Mapping[str, Any]) -> None:
    """A local effect pays with its record, so that what all threads of an agent share is not held while it is made."""
    await page.pay(members(SpendUnit), None)
    await _settle(page, claim, "succeeded", outcome)


async def _settle(page: _Page, claim: Claim, state: OperationState, outcome: Mapping[str, Any]) -> None:
    place = _place(page.request, claim, "started")
    if await page.move(place, _ENDINGS[state], _word(state, outcome), outcome) is None:
        raise LeaseLost(page.request.thread_id)


def _word(state: OperationState, outcome: Mapping[str, Any]) -> Attempt:
    if state in ("succeeded", "unknown"):
        return "succeeded" if state == "succeeded" else "unknown"
    return "not_sent" if outcome.get("never_sent") else "refused"


def _place(request: OperationRequest, claim: Claim, state: OperationState) -> Place:
    return Place(request.key, claim.revision, claim.fence, claim.attempt, state)


def _there(place: Place | None, request: OperationRequest) -> Place:
    if place is None:
        raise _vanished(request)
    return place


def _vanished(request: OperationRequest) -> ToolError:
    return ToolError(f"The operation of {request.tool} changed while its row was held.", "bug")


def _judged_again(message: str) -> ToolError:
    """What let the call through has changed since policy looked at it."""
    error = ToolError(message, "policy_violation", never_sent=True)
    error.judge_again = True
    return error


def _busy(request: OperationRequest) -> ToolError:
    return ToolError(f"{request.tool} is being done for this by another run; it is tried again later.", "busy")


def _row(request: OperationRequest, revision: int, epoch: int) -> dict[str, Any]:
    return {
        "key": request.key,
        "revision": revision,
        "tenant": request.tenant,
        "thread_id": request.thread_id,
        "tool": request.tool,
        "proposal_id": request.proposal_id,
        "request_hash": request.request_hash,
        "epoch": epoch,
        "timeout": request.timeout,
    }
