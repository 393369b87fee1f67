"""Copying, pruning and deleting checkpoints: never under the feet of a run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.errors import BadInput, LeaseLost, ThreadBusy
from runtime import running
from store import database, embedded
from store.database import Pool
from store.threads import ThreadStore
from store.transitions import TransitionSaver
from tests.integration.test_transitions import CONFIG, asks, ends, kinds, line, one
from tests.integration.threads import leased, new_thread


async def ended_run(pool: Pool, *nodes: Any, run_id: str = "run-1") -> TransitionSaver:
    """A run that has given its lease back; its saver, which believes it still has one."""
    saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    config: Any = {**CONFIG, "metadata": {"run_id": run_id}}
    await line(*nodes).compile(checkpointer=saver).ainvoke({"task": {}}, config, durability="sync")
    await saver.flush()
    await give_back(pool)
    return saver


async def give_back(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute("update thread set lease_until = null")


def administrator(pool: Pool) -> TransitionSaver:
    """The saver of no thread, as a command makes one."""
    return TransitionSaver(pool, "", 0)


async def rows(pool: Pool, table: str, thread_id: str) -> int:
    async with pool.connection() as connection:
        cursor = await connection.execute(f"select 1 from {table} where thread_id = %s", [thread_id])
        return len(await cursor.fetchall())


ADMINISTER = {
    "copy": lambda saver: saver.acopy_thread("t0", "t1"),
    "prune": lambda saver: saver.aprune(["t1"]),
    "delete": lambda saver: saver.adelete_thread("t1"),
    "delete a run": lambda saver: saver.adelete_for_runs(["run-1"]),
}


@pytest.mark.parametrize("how", ADMINISTER)
async def test_a_thread_that_is_being_run_is_refused_and_left_as_it_is(pool: Pool, how: str) -> None:
    await new_thread(pool)
    await ended_run(pool, one, ends)
    before = await rows(pool, "checkpoints", "t1")
    await leased_again(pool)
    with pytest.raises(ThreadBusy, match="Thread t1 is being run"):
        await ADMINISTER[how](administrator(pool))
    assert await rows(pool, "checkpoints", "t1") == before


async def leased_again(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute("update thread set lease_until = now() + interval '1 hour', epoch = epoch + 1")


async def test_a_run_that_lost_its_lease_stores_nothing_after_a_prune(pool: Pool) -> None:
    await new_thread(pool)
    late = await ended_run(pool, one, asks)
    await administrator(pool).aprune(["t1"])
    assert await rows(pool, "checkpoints", "t1") == 1
    with pytest.raises(LeaseLost):
        await line(one, asks).compile(checkpointer=late).ainvoke({"task": {}}, CONFIG, durability="sync")
    assert await rows(pool, "checkpoints", "t1") == 1
    assert (await ThreadStore(pool).holder("t1")).seconds_left == 0


async def test_a_pruned_thread_goes_on_where_it_waits(pool: Pool) -> None:
    await new_thread(pool)
    await ended_run(pool, one, asks, ends)
    blobs = await rows(pool, "checkpoint_blobs", "t1")
    await administrator(pool).aprune(["t1"])
    assert await rows(pool, "checkpoint_blobs", "t1") <= blobs
    saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    state = await line(one, asks, ends).compile(checkpointer=saver).aget_state(CONFIG)
    assert state.next == ("asks",) and len(state.interrupts) == 1
    assert state.values["counters"] == {"steps": 1}


async def test_a_run_may_prune_its_own_thread_under_its_lease(pool: Pool) -> None:
    await new_thread(pool)
    saver = TransitionSaver(pool, "t1", (await leased(pool)).epoch)
    graph = line(one, ends).compile(checkpointer=saver)
    await graph.ainvoke({"task": {}}, CONFIG, durability="sync")
    await saver.aprune(["t1"])
    await graph.aupdate_state(CONFIG, {"counters": {"steps": 2}}, as_node="one")
    assert await rows(pool, "checkpoints", "t1") == 2


async def test_a_copy_has_everything_and_its_own_life(pool: Pool) -> None:
    await new_thread(pool)
    await ended_run(pool, one, asks)
    await administrator(pool).acopy_thread("t1", "copy")
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
        assert await rows(pool, table, "copy") == await rows(pool, table, "t1") > 0
    copied = await line(one, asks).compile(checkpointer=administrator(pool)).aget_state(running.run_config("copy"))
    assert len(copied.interrupts) == 1
    with pytest.raises(BadInput, match="Thread copy has checkpoints already"):
        await administrator(pool).acopy_thread("t1", "copy")
    await administrator(pool).adelete_thread("copy")
    assert await rows(pool, "checkpoints", "copy") == 0 < await rows(pool, "checkpoints", "t1")


async def test_deleting_a_run_takes_its_writes_and_the_blobs_nothing_else_needs(pool: Pool) -> None:
    await new_thread(pool)
    await ended_run(pool, one, run_id="run-1")
    await administrator(pool).adelete_for_runs(["run-1"])
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
        assert await rows(pool, table, "t1") == 0
    assert "decision" in await kinds(pool)  # what happened stays told


async def test_the_synchronous_forms_work_from_another_thread_and_refuse_the_loop(pool: Pool) -> None:
    await new_thread(pool)
    await ended_run(pool, one)
    saver = administrator(pool)
    await asyncio.to_thread(saver.copy_thread, "t1", "copy")
    assert await rows(pool, "checkpoints", "copy") > 0
    await asyncio.to_thread(saver.delete_for_runs, ["run-1"])
    assert await rows(pool, "checkpoints", "copy") == 0
    with pytest.raises(asyncio.InvalidStateError, match="asynchronous form"):
        saver.copy_thread("t1", "copy")


async def test_a_connection_that_a_restart_has_cut_is_not_handed_out(tmp_path: Any) -> None:
    home = tmp_path / "home"
    url = embedded.start(home)
    try:
        async with database.open_pool(url, size=2) as pool:
            async with pool.connection() as first, pool.connection() as second:
                await first.execute("select 1")
                await second.execute("select 1")
            await asyncio.to_thread(embedded.stop, home)
            await asyncio.to_thread(embedded.start, home)
            for _ in range(4):
                async with pool.connection() as connection:
                    assert await (await connection.execute("select 1 as one")).fetchone() == {"one": 1}
    finally:
        embedded.stop(home)
