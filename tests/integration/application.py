"""An application on a database of the test's own, and the ways a test drives a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from core.reviews import WireAnswer
from runtime import seo, threads
from runtime.settings import Settings
from runtime.wiring import Application, open_application

DANA = threads.Person("dana")


def settings(database_url: str, home: Path, **changes: str) -> Settings:
    """Offline, no network, everything below `home`."""
    given = {
        "DATABASE_URL": database_url,
        "AUTONOMY_HOME": str(home),
        "AUTONOMY_DDGS": "off",
        "AUTONOMY_PROBE_LOCAL_MODELS": "false",
        "AUTONOMY_MODEL": "",
        "OPENAI_API_KEY": "",
        "OPENAI_BASE_URL": "",
    }
    return Settings(_env_file=None, **(given | changes))


@asynccontextmanager
async def opened(database_url: str, home: Path, **changes: str) -> AsyncIterator[Application]:
    async with open_application(settings(database_url, home, **changes)) as app:
        yield app


async def queued(app: Application, keyword: str = "crm for startups", *, reserved: bool = False, **asked: Any) -> str:
    """A thread that nobody has run yet."""
    request = seo.Request(
        keyword,
        asked.get("locale", "en-US"),
        asked.get("profile", seo.bundled_profile()),
        asked.get("serp"),
        asked.get("requester", "sam"),
    )
    choice = await app.choice()
    new = await seo.prepare(app.settings, app.artifacts, choice.label, request)
    return await threads.start(app, new, reserved=reserved)


async def started(app: Application, keyword: str = "crm for startups", **asked: Any) -> str:
    """A thread run to its first review."""
    thread_id = await queued(app, keyword, **asked)
    await threads.advance(app, thread_id)
    return thread_id


async def waiting(app: Application, thread_id: str) -> dict[str, Any]:
    """The one review that waits."""
    [number] = [row["number"] for row in await app.reviews.waiting(thread_id) if row["state"] == "open"]
    return await app.reviews.get(number)


async def answered(
    app: Application,
    thread_id: str,
    wire: WireAnswer = "approve",
    arguments: Mapping[str, Any] | None = None,
    message: str = "",
    texts: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Decide on what waits, and run on; the thread's row."""
    review = await waiting(app, thread_id)
    await threads.decide(app, review["number"], wire, DANA, arguments=arguments, texts=texts, message=message)
    return await threads.advance(app, thread_id)


async def events(app: Application, thread_id: str, *kinds: str) -> list[dict[str, Any]]:
    """Bodies of the events of those kinds."""
    return [stored.body for stored in await app.threads.timeline(thread_id) if stored.kind in kinds]
