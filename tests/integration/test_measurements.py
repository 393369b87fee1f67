"""The bench and the eval run, and what they count (never what they time) holds."""

from __future__ import annotations

from pathlib import Path

from bench import superstep
from evals import samples
from tests.integration.application import settings


async def test_a_superstep_is_one_writing_transaction(database_url: str) -> None:
    found = await superstep.measure(database_url, rounds=1)
    assert found["transition saver"].writes <= 1.1 < found["AsyncPostgresSaver"].writes
    assert len(superstep.table(found)) == 4


async def test_a_sample_walk_says_what_was_asked_and_found(database_url: str, home: Path) -> None:
    keywords = [pair for pair in samples.bundled() if pair[0] == "payroll software pricing"]
    [walk] = await samples.walk_all(settings(database_url, home), keywords)
    assert walk.as_promised and walk.format == "product" and walk.check["words"] > 500
    assert "1 of 1 ended in a draft" in samples.table([walk])[-1]
    assert not walk._replace(asked=(*samples.DECISIONS, "publish_content")).as_promised
