"""Every bundled keyword to its draft, with a simulated reviewer who approves everything."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from runtime import seo, threads
from runtime.settings import Settings
from runtime.wiring import Application, open_application
from store import embedded

DECISIONS: Final = ("set_intent", "set_angle", "set_outline", "save_draft")
REVIEWER: Final = threads.Person("simulated reviewer")


class Walk(NamedTuple):
    """One keyword: how it ended, what people were asked in order, what was decided, and the check of the result."""

    keyword: str
    status: str
    asked: tuple[str, ...]
    format: str
    sections: int
    check: dict[str, Any]

    @property
    def as_promised(self) -> bool:
        return self.status == "done" and self.asked == DECISIONS


async def walk(app: Application, keyword: str, locale: str) -> Walk:
    """Run one keyword to its end, approving whatever waits."""
    request = seo.Request(keyword, locale, seo.bundled_profile(), None, "evals")
    new = await seo.prepare(app.settings, app.artifacts, (await app.choice()).label, request)
    thread_id = await threads.start(app, new)
    thread = await threads.advance(app, thread_id)
    asked: list[str] = []
    while thread["status"] == "waiting" and len(asked) <= len(DECISIONS):
        [waiting] = [row for row in await app.reviews.waiting(thread_id) if row["state"] == "open"]
        review = await app.reviews.get(waiting["number"])
        asked.append(review["task_type"])
        await threads.decide(app, review["number"], "approve", REVIEWER)
        thread = await threads.advance(app, thread_id)
    made = await results(app, thread_id, new.tenant)
    sections = len(made.get("outline", {}).get("sections", ()))
    return Walk(
        keyword,
        thread["status"],
        tuple(asked),
        made.get("intent", {}).get("format", "–"),
        sections,
        made.get("check", {}),
    )


async def results(app: Application, thread_id: str, tenant: str) -> dict[str, Any]:
    """The last intent, outline and check, read through the hashes that the events name."""
    hashes: dict[str, str] = {}
    for stored in await app.threads.timeline(thread_id):
        if stored.kind == "tool_result":
            hashes |= stored.body["results"]
    wanted = {name: hashes[name] for name in ("intent", "outline", "check") if name in hashes}
    texts = await app.artifacts.read(tenant, list(wanted.values()))
    return {name: json.loads(texts[digest]) for name, digest in wanted.items()}


async def walk_all(settings: Settings, keywords: Sequence[tuple[str, str]]) -> list[Walk]:
    async with open_application(settings) as app:
        return [await walk(app, keyword, locale) for keyword, locale in keywords]


def table(walks: Sequence[Walk]) -> list[str]:
    lines = [f"{'keyword':<34}{'ended':<8}{'asked':>6}{'format':>12}{'sections':>10}{'words':>7}{'problems':>10}"]
    for each in walks:
        problems = len(each.check.get("problems", ()))
        lines.append(
            f"{each.keyword:<34}{each.status:<8}{len(each.asked):>6}{each.format:>12}{each.sections:>10}"
            f"{each.check.get('words', 0):>7}{problems:>10}"
        )
    kept = sum(each.as_promised for each in walks)
    return [*lines, f"{kept} of {len(walks)} ended in a draft after exactly four decisions"]


def bundled() -> list[tuple[str, str]]:
    """(keyword, locale) of every sample."""
    return [(sample["keyword"], sample["locale"]) for sample in seo.bundled_samples()]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)  # the server runs as another user when this one is root
        settings = Settings(
            AUTONOMY_HOME=home, AUTONOMY_DDGS="off", AUTONOMY_MODEL="offline-extractive", DATABASE_URL=""
        )
        try:
            walks = asyncio.run(walk_all(settings, bundled()))
        finally:
            embedded.stop(home)
    print("\n".join(table(walks)))
    return 0 if all(each.as_promised for each in walks) else 1


if __name__ == "__main__":
    sys.exit(main())
