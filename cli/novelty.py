"""novelty: the index of past tasks."""

from __future__ import annotations

from dataclasses import asdict

from cli.console import out, print_json, safe
from core.errors import AutonomyError
from runtime.novelty import rebuild as again
from runtime.settings import read_settings
from runtime.wiring import open_application


async def rebuild(json: bool) -> int:
    async with open_application(read_settings()) as app:
        done = await again(app)
        place = f"{app.novelty.place}, {app.novelty.embedder.name} embedding"
    if done.failure:
        raise AutonomyError(f"Given up after {done.remembered}: {done.failure}.")
    if json:
        print_json(asdict(done))
        return 0
    pruned = f"; {done.left_out} left out, because their content is no longer kept" if done.left_out else ""
    out().print(safe(f"{done.remembered} past tasks are in the index ({place}){pruned}."))
    return 0
