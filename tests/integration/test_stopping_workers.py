"""Lockdown and stop over two real worker processes, counted by what the far side did."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from llmock.scenarios import Match, Reply, ToolCall

from evals.refund_desk import MODULE, RunningDesk, an_order
from runtime import threads
from tests.integration.application import DANA, answered, opened, waiting
from tests.integration.scripted import endpoint, script
from tests.integration.test_refunds import DRAFT, PAY, REFUND, begun, desk, desk_process
from tests.integration.test_worker import Workers

__all__ = ["desk", "desk_process"]
ORDERS = ["o-1", "o-2", "o-3", "o-4"]


@pytest.fixture
def workers(database_url: str, home: Path, llmock: Any, desk: RunningDesk) -> Iterator[Workers]:
    made = Workers(database_url, home)
    made.autonomy.environment |= {**endpoint(llmock), **desk.settings}
    yield made
    for process in made.running:
        process.kill()
        process.wait()


@pytest.fixture
def desk_itself(desk: RunningDesk) -> Iterator[psutil.Process]:
    """The process, which answers nobody while it is suspended."""
    [found] = [each for each in psutil.Process().children(recursive=True) if MODULE in each.cmdline()]
    yield found
    found.send_signal(signal.SIGCONT)


async def approved(database_url: str, home: Path, llmock: Any, desk: RunningDesk) -> list[str]:
    """Threads whose refund a person has approved, not run since; each has an invoice to pay after it."""
    async with opened(database_url, home, **endpoint(llmock)) as app:
        ids = []
        for order in ORDERS:
            desk.put(an_order(order))
            script(llmock, ("draft_reply", {**DRAFT[1], "pay_invoices": [f"i-{order}"]}), REFUND)
            ids.append(await begun(app, order))
            await answered(app, ids[-1])
        for thread_id in ids:
            await threads.decide(app, (await waiting(app, thread_id))["number"], "approve", DANA)
        llmock.add(Reply(tool_calls=(ToolCall(*PAY),), times=None, match=Match(tools=True)))
        return ids


def test_two_workers_let_nothing_through_after_a_lockdown_and_take_no_step_after_a_stop(
    workers: Workers, home: Path, llmock: Any, desk: RunningDesk, desk_itself: psutil.Process
) -> None:
    ids = asyncio.run(approved(workers.database_url, home, llmock, desk))
    desk_itself.suspend()
    pids = {workers.start("--concurrency", "1").pid for _ in range(2)}
    workers.until(lambda: len(claimed(workers)) == 2 and workers.holders() == pids)
    ran(workers, "lockdown", "on", "--message", "drill")
    before = claimed(workers)
    assert len(before) == 2  # both are at the desk, which has not answered yet
    desk_itself.resume()
    # Those two come to their payment, the two others to the refund that was approved: all of them wait.
    workers.until(lambda: statuses(workers, ids) == {"waiting"} and not workers.holders())
    assert claimed(workers) == before == refunded(desk)

    desk_itself.suspend()
    ran(workers, "lockdown", "off")
    workers.until(lambda: len(claimed(workers)) == 4 and workers.holders() == pids)
    ran(workers, "stop", "--all", "--message", "fire")
    told = max(leases(workers)) + timedelta(seconds=1.5)  # by a renewal that began after the stop was asked for
    workers.until(lambda: min(leases(workers)) > told)
    desk_itself.resume()
    workers.until(lambda: statuses(workers, ids) == {"stopped"})
    assert claimed(workers) == ORDERS == refunded(desk)  # each refund that was approved, once, and no payment
    proposed = workers.rows(
        "select distinct task ->> 'order' as number from event join thread on id = thread_id"
        " where kind = 'decision' and body ->> 'action' = 'pay_vendor'"
    )
    assert {row["number"] for row in proposed} == set(before)  # the others were stopped on their way to it


def ran(workers: Workers, *words: str) -> None:
    done = workers.autonomy(*words)
    assert done.returncode == 0, done.stderr


def statuses(workers: Workers, ids: list[str]) -> set[str]:
    return {workers.status(thread_id) for thread_id in ids}


def claimed(workers: Workers) -> list[str]:
    """Orders whose refund was claimed."""
    rows = workers.rows(
        "select task ->> 'order' as number from operation_history said join thread on thread.id = said.thread_id"
        " join operation using (key, revision) where said = 'started' and tool = 'issue_refund' order by 1"
    )
    return [row["number"] for row in rows]


def refunded(desk: RunningDesk) -> list[str]:
    """Orders for which money was paid back; a payment would be among them as None."""
    return sorted(each.get("order") for each in desk.effects())  # type: ignore[type-var]


def leases(workers: Workers) -> list[datetime]:
    return [row["lease_until"] for row in workers.rows("select lease_until from thread where lease_until > now()")]
