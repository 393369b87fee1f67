"""LangGraph's own tests of a checkpointer, all of them, on the transition saver."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import Capability, DetectedCapabilities

from store.database import Pool
from store.transitions import TransitionSaver
from tests.integration.threads import leased, new_thread


class AnyThread(TransitionSaver):
    """The tests name threads as they go; a saver belongs to one thread and its lease. This makes both when asked."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool, "", 0)
        self.savers: dict[str, TransitionSaver] = {}
        self.threads: set[str] = set()

    async def saver(self, config: RunnableConfig | None) -> TransitionSaver:
        thread_id = config["configurable"]["thread_id"] if config else ""
        if thread_id not in self.savers:
            if thread_id not in self.threads:
                self.threads.add(await new_thread(self._pool, thread_id))
            self.savers[thread_id] = TransitionSaver(self._pool, thread_id, (await leased(self._pool, thread_id)).epoch)
        return self.savers[thread_id]

    async def run_ends(self) -> None:
        """Before administration: a thread that is being run is refused."""
        for saver in self.savers.values():
            await saver.flush()
        self.savers.clear()
        async with self._pool.connection() as connection:
            await connection.execute("update thread set lease_until = null")

    async def aput(self, config: RunnableConfig, *given: Any) -> RunnableConfig:
        return await (await self.saver(config)).aput(config, *given)

    async def aput_writes(self, config: RunnableConfig, *given: Any, **named: Any) -> None:
        await (await self.saver(config)).aput_writes(config, *given, **named)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await (await self.saver(config)).aget_tuple(config)

    async def alist(self, config: RunnableConfig | None, **named: Any) -> AsyncIterator[CheckpointTuple]:
        async for found in (await self.saver(config)).alist(config, **named):
            yield found

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await self.run_ends()
        await super().acopy_thread(source_thread_id, target_thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await self.run_ends()
        await super().adelete_for_runs(run_ids)

    async def adelete_thread(self, thread_id: str) -> None:
        await self.run_ends()
        await super().adelete_thread(thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        await self.run_ends()
        await super().aprune(thread_ids, strategy=strategy)


async def test_the_saver_passes_every_test_that_langgraph_has_for_one(pool: Pool) -> None:
    @checkpointer_test(name="TransitionSaver")
    async def saver() -> AsyncGenerator[BaseCheckpointSaver[str], None]:
        yield AnyThread(pool)

    report = await validate(saver)
    assert {name: result.failures for name, result in report.results.items() if not result.passed} == {}
    assert set(report.results) == {capability.value for capability in Capability}
    assert sum(result.tests_passed for result in report.results.values()) == 81


async def test_the_saver_itself_has_every_capability_and_not_only_what_the_test_wraps_it_in(pool: Pool) -> None:
    assert DetectedCapabilities.from_instance(TransitionSaver(pool, "t1", 1)).missing == frozenset()
