"""One task type from nothing to acting alone and back: `python -m evals.earned`, without a language model.

The runs, the coin, the certificate and the alarm are the product's own. Simulated, and said so where it is printed: the
verdicts of people, in bulk and of audits.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from evals.earning import audited, judged, ran_alone
from runtime import levels, seo, threads
from runtime.settings import Settings, read_settings
from runtime.wiring import Application, open_application
from store import embedded
from store.standings import Place

TASK_TYPE = "set_intent"
CERTIFYING = 20 + 79
REVIEWER = threads.Person("simulated reviewer")


async def started(app: Application, keyword: str) -> tuple[str, str]:
    """A thread run to its first question; its id and what was asked."""
    request = seo.Request(keyword, "en-US", seo.bundled_profile(), None, "evals")
    new = await seo.prepare(app.settings, app.artifacts, (await app.choice()).label, request)
    thread_id = await threads.start(app, new)
    await threads.advance(app, thread_id)
    [review] = [row for row in await app.reviews.waiting(thread_id) if row["state"] == "open"]
    return thread_id, str((await app.reviews.get(review["number"]))["task_type"])


async def play(app: Application) -> list[str]:
    """What was asked first in each of the three threads, printed as it goes."""
    first, asked = await started(app, "crm for startups")
    print(f"crm for startups: asked at {asked}")
    thread = await app.threads.get(first)
    place = Place(thread["tenant"], thread["environment"], TASK_TYPE, thread["behaviour_versions"][TASK_TYPE])
    await judged(app.pool, first, place, count=CERTIFYING)
    print(f"{CERTIFYING} simulated right verdicts on {TASK_TYPE}: {await _stands(app, place)}")
    second, alone = await started(app, "best time tracking software")
    print(f"best time tracking software: {TASK_TYPE} ran alone, asked at {alone}")
    while await ran_alone(app.pool, second, place):
        await audited(app.pool, "wrong")
    print(f"simulated audits say wrong: {await _stands(app, place)}")
    _, again = await started(app, "kanban vs scrum")
    print(f"kanban vs scrum: asked at {again}")
    return [asked, alone, again]


async def _stands(app: Application, place: Place) -> str:
    [level] = [level for level in await levels.levels(app) if level.place == place]
    return f"{level.evidence}; {level.missing}"


async def run(settings: Settings) -> int:
    async with open_application(settings) as app:
        asked = await play(app)
    return 0 if asked == [TASK_TYPE, "set_angle", TASK_TYPE] else 1


def main() -> int:
    """In a folder of its own, unless --here says to use the settings as they are."""
    if "--here" in sys.argv:
        return asyncio.run(run(read_settings()))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)  # the server runs as another user when this one is root
        settings = Settings(
            AUTONOMY_HOME=home, AUTONOMY_DDGS="off", AUTONOMY_MODEL="offline-extractive", DATABASE_URL=""
        )
        try:
            return asyncio.run(run(settings))
        finally:
            embedded.stop(home)


if __name__ == "__main__":
    sys.exit(main())
