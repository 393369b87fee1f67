from __future__ import annotations

import asyncio
from pathlib import Path

from runtime import threads
from runtime.follower import follow
from tests.integration.application import DANA, opened, started, waiting


async def test_what_is_decided_elsewhere_is_run_on_and_a_thread_in_the_way_is_reported_once(
    database_url: str, home: Path
) -> None:
    async with opened(database_url, home) as app:
        good, bad = await started(app), await started(app, "kanban vs scrum")
        for thread_id in (bad, good):
            await threads.decide(app, (await waiting(app, thread_id))["number"], "approve", DANA)
        async with app.pool.connection() as connection:
            await connection.execute("update thread set graph_version = 99 where id = %s", [bad])
        stopped, reports = asyncio.Event(), list[tuple[str, str]]()

        def report(thread_id: str, said: str) -> None:
            reports.append((thread_id, said))
            if thread_id == good:
                stopped.set()

        await asyncio.wait_for(follow(app, stopped, report), 60)
        assert [thread_id for thread_id, _ in reports] == [bad, good]
        assert "later release" in reports[0][1] and reports[1][1] == "waiting"
        assert (await waiting(app, good))["task_type"] == "set_angle"
