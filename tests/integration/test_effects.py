"""The executor over the real ledger: what each kind of tool does when a call gets no answer, no, or later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from core.actions import Proposal
from core.errors import ToolError
from core.ports import CallSite, Performed
from core.vocabulary import Idempotency
from store.artifacts import PostgresArtifacts
from store.database import Pool
from store.ledger import PostgresLedger
from store.operations import OperationStore
from tests.integration.shop import CHARGE, LOST, Till
from tests.integration.test_ledger import past_deadline
from tests.integration.threads import leased, new_thread
from tools.breakers import Breakers
from tools.executor import LedgerExecutor
from tools.registry import register

LATER = ToolError("The till asks to come back later (429).", "transient", never_sent=True)
SILENT = ToolError("The till gave no answer.", "transient")
PROPOSAL = Proposal(id="p1", action="charge", arguments={"invoice": "i-1"})


@dataclass
class Counter:
    """An executor in a run of its own, and the till it works with."""

    executor: LedgerExecutor
    till: Till
    pool: Pool

    async def charge(self, proposal: Proposal = PROPOSAL) -> Performed:
        return await self.executor.perform(CallSite("acme", "t1", "task"), proposal, {}, {}, gated=False)

    async def refused(self, failure_class: str) -> ToolError:
        with pytest.raises(ToolError) as error:
            await self.charge()
        assert error.value.failure_class == failure_class
        return error.value

    async def held(self) -> tuple[str, int, list[str]]:
        """(state, attempt, history) of the one operation."""
        [row] = await OperationStore(self.pool).newest(None, 5)
        lines = await OperationStore(self.pool).history(row["key"])
        return row["state"], row["attempt"], [line["said"] for line in lines]


@asynccontextmanager
async def counter(
    pool: Pool, idempotency: Idempotency, *answers: Any, attempts: int = 1, breakers: Breakers | None = None
) -> AsyncIterator[Counter]:
    await new_thread(pool)
    till = Till(list(answers))
    tools = register({"charge": replace(CHARGE, idempotency=idempotency, attempts=attempts)}, {"charge": till})
    book = PostgresLedger(pool, (await leased(pool)).epoch)
    yield Counter(LedgerExecutor(tools, book, PostgresArtifacts(pool), breakers=breakers or Breakers()), till, pool)


@pytest.mark.parametrize("idempotency", ["idempotent", "queryable", "unsafe"])
async def test_a_call_is_sent_once_with_its_key_and_answered_from_the_record_ever_after(
    pool: Pool, idempotency: Idempotency
) -> None:
    async with counter(pool, idempotency) as at:
        first, again = await at.charge(), await at.charge()
        assert (first.replayed, again.replayed, again.results) == (False, True, first.results)
        assert await at.held() == ("succeeded", 1, ["started", "succeeded"])
        [row] = await OperationStore(pool).newest(None, 5)
        assert at.till.sent == [row["key"]]


@pytest.mark.parametrize("idempotency", ["idempotent", "queryable", "unsafe"])
async def test_what_was_never_sent_is_tried_again_at_once_within_its_attempts(
    pool: Pool, idempotency: Idempotency
) -> None:
    async with counter(pool, idempotency, LATER, LATER, attempts=3) as at:
        assert (await at.charge()).attempts == 3
        expected = ["started", "not_sent", "started", "not_sent", "started", "succeeded"]
        assert await at.held() == ("succeeded", 3, expected)
        assert len(set(at.till.sent)) == 1


async def test_a_wait_that_is_too_long_for_a_run_is_left_to_the_thread(pool: Pool) -> None:
    later = ToolError("later", "transient", 30.0, never_sent=True)
    async with counter(pool, "unsafe", later, attempts=3) as at:
        assert (await at.refused("transient")).retry_after == 30.0
        assert await at.held() == ("started", 2, ["started", "not_sent"])
        assert (await at.charge()).attempts == 2


async def test_when_the_attempts_are_used_up_it_has_failed_and_the_thread_may_come_back(pool: Pool) -> None:
    async with counter(pool, "unsafe", LATER) as at:
        await at.refused("transient")
        assert await at.held() == ("failed", 1, ["started", "not_sent"])
        assert (await at.charge()).attempts == 2


async def test_a_disk_that_is_full_has_failed_it_and_the_thread_may_come_back(pool: Pool) -> None:
    async with counter(pool, "idempotent", ToolError("No space left", "storage", never_sent=True)) as at:
        await at.refused("storage")
        assert await at.held() == ("failed", 1, ["started", "not_sent"])
        assert (await at.charge()).attempts == 2


@pytest.mark.parametrize("idempotency", ["idempotent", "queryable", "unsafe"])
async def test_a_definite_no_is_recorded_and_raised_again_without_a_call(pool: Pool, idempotency: Idempotency) -> None:
    async with counter(pool, idempotency, ToolError("over the limit", "tool_refused"), attempts=3) as at:
        for _ in range(2):
            assert str(await at.refused("tool_refused")) == "over the limit"
        assert await at.held() == ("failed", 1, ["started", "refused"])
        assert len(at.till.sent) == 1


@pytest.mark.parametrize("lost", [SILENT, LOST], ids=["silent", "500"])
async def test_an_idempotent_call_without_an_answer_is_repeated_under_its_key(pool: Pool, lost: ToolError) -> None:
    async with counter(pool, "idempotent", lost, attempts=2) as at:
        assert (await at.charge()).attempts == 2
        assert await at.held() == ("succeeded", 2, ["started", "unknown", "started", "succeeded"])
        assert len(set(at.till.sent)) == 1


async def test_an_idempotent_call_without_an_answer_is_a_failure_that_passes(pool: Pool) -> None:
    async with counter(pool, "idempotent", LOST) as at:
        await at.refused("transient")
        assert (await at.held())[0] == "unknown"
        assert (await at.charge()).attempts == 2


@pytest.mark.parametrize("lost", [SILENT, LOST], ids=["silent", "500"])
async def test_a_queryable_call_without_an_answer_is_asked_about_and_not_repeated(pool: Pool, lost: ToolError) -> None:
    async with counter(pool, "queryable", lost, attempts=3) as at:
        wait = await at.refused("transient")
        assert wait.retry_after is not None and 5 < wait.retry_after <= 20
        await at.refused("transient")
        assert (at.till.asked, len(at.till.sent)) == ([], 1)
        await past_deadline(pool)
        at.till.known = {"receipt": "found"}
        found = await at.charge()
        assert found.replayed and len(at.till.sent) == 1 and at.till.asked == at.till.sent
        assert await at.held() == ("succeeded", 1, ["started", "unknown", "found"])


async def test_a_queryable_call_that_did_not_happen_is_sent_again(pool: Pool) -> None:
    async with counter(pool, "queryable", LOST) as at:
        await at.refused("transient")
        await past_deadline(pool)
        assert (await at.charge()).attempts == 2
        assert await at.held() == ("succeeded", 2, ["started", "unknown", "absent", "started", "succeeded"])


@pytest.mark.parametrize(
    ("known", "failure_class"), [(ToolError("refused (403)", "tool_refused"), "transient"), ({"x": 1}, "tool_drift")]
)
async def test_while_the_far_side_gives_no_clear_answer_nothing_is_sent(
    pool: Pool, known: Any, failure_class: str
) -> None:
    async with counter(pool, "queryable", LOST, attempts=3) as at:
        await at.refused("transient")
        await past_deadline(pool)
        at.till.known = known
        await at.refused(failure_class)
        assert len(at.till.sent) == 1 and (await at.held())[0] == "unknown"


async def test_an_unsafe_call_without_an_answer_is_a_question_to_a_person(pool: Pool) -> None:
    async with counter(pool, "unsafe", SILENT, attempts=3) as at:
        for _ in range(2):
            unknown = await at.refused("unknown_effect")
            assert unknown.operation is not None and unknown.operation["attempt"] == 1
        assert await at.held() == ("unknown", 1, ["started", "unknown"])
        assert len(at.till.sent) == 1


@pytest.mark.parametrize("idempotency", ["idempotent", "queryable", "unsafe"])
@pytest.mark.parametrize(
    ("answer", "raised"),
    [({"x": 1}, "tool_drift"), (ToolError("disk", "storage"), "storage"), (RuntimeError("a bug"), "bug")],
)
async def test_what_is_not_a_definite_no_leaves_the_effect_unknown(
    pool: Pool, idempotency: Idempotency, answer: Any, raised: str
) -> None:
    async with counter(pool, idempotency, answer, attempts=3) as at:
        expected = RuntimeError if raised == "bug" else ToolError
        with pytest.raises(expected) as error:
            await at.charge()
        if isinstance(error.value, ToolError):
            assert error.value.failure_class == ("unknown_effect" if idempotency == "unsafe" else raised)
        assert await at.held() == ("unknown", 1, ["started", "unknown"])
        assert len(at.till.sent) == 1


async def test_a_call_that_is_cut_off_has_an_unknown_effect(pool: Pool) -> None:
    async with counter(pool, "unsafe") as at:
        spec = replace(CHARGE, timeout=1.0)  # it must be sent within that, on a busy machine too

        async def never(*_: Any) -> Any:
            await asyncio.Event().wait()

        executor = replace(at.executor, tools=register({"charge": spec}, {"charge": never}))
        await replace(at, executor=executor).refused("unknown_effect")
        assert (await at.held())[0] == "unknown"


async def test_while_its_breaker_is_open_nothing_is_even_claimed(pool: Pool) -> None:
    async with counter(pool, "idempotent", *[LATER] * 9, attempts=2, breakers=Breakers(2, 30.0)) as at:
        await at.refused("transient")
        open_for = await at.refused("transient")
        assert open_for.never_sent and "left alone" in str(open_for)
        assert await at.held() == ("failed", 2, ["started", "not_sent", "started", "not_sent"])
        assert len(at.till.sent) == 2


async def test_a_process_that_was_frozen_since_its_claim_does_not_send(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with counter(pool, "queryable") as at:
        loop = asyncio.get_running_loop()
        claim = PostgresLedger.claim

        async def frozen(self: PostgresLedger, request: Any) -> Any:
            claimed, thawed = await claim(self, request), loop.time() + 100
            monkeypatch.setattr(loop, "time", lambda: thawed)
            return claimed

        with monkeypatch.context() as patched:
            patched.setattr(PostgresLedger, "claim", frozen)
            late = await at.refused("transient")
        monkeypatch.undo()
        assert late.never_sent and at.till.sent == []
        assert (await at.held())[2] == ["started", "not_sent"]
