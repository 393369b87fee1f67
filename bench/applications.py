"""The application as the benchmarks open it, in this process or in another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from runtime.settings import Settings

_OURS: Final = ("AUTONOMY_", "OPENAI_", "SERPER_")


def _given(url: str, home: Path, changes: dict[str, str]) -> dict[str, str]:
    """Offline, no network, everything below `home`."""
    return {
        "DATABASE_URL": url,
        "AUTONOMY_HOME": str(home),
        "AUTONOMY_DDGS": "off",
        "AUTONOMY_PROBE_LOCAL_MODELS": "false",
        "AUTONOMY_MODEL": "",
        "OPENAI_API_KEY": "",
        "OPENAI_BASE_URL": "",
        "SERPER_API_KEY": "",
        **changes,
    }


def settings(url: str, home: Path, **changes: str) -> Settings:
    """Nothing of a .env file's."""
    given: dict[str, Any] = _given(url, home, changes)
    return Settings(_env_file=None, **given)


def environment(url: str, home: Path, **changes: str) -> dict[str, str]:
    """The same for another process; this machine's own settings do not reach it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return kept | _given(url, home, changes)


async def one_recorded_thread(url: str, home: Path) -> str:
    """The id of an SEO thread over a bundled sample, run to its end by the offline algorithm; all is approved."""
    from runtime import seo, threads
    from runtime.wiring import open_application

    async with open_application(settings(url, home)) as app:
        request = seo.Request("crm for startups", "en-US", seo.bundled_profile(), None, "sam")
        choice = await app.choice()
        new = await seo.prepare(app.settings, app.artifacts, choice.label, request)
        thread_id = await threads.start(app, new)
        while (await threads.advance(app, thread_id))["status"] == "waiting":
            for review in await app.reviews.waiting(thread_id):
                await threads.decide(app, review["number"], "approve", threads.Person("dana"))
        return thread_id
