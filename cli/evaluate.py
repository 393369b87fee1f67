"""eval: runs an evaluation of the source tree as a process of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from core.errors import BadInput


async def reliability(arguments: Sequence[str]) -> int:
    return await _run("evals.reliability", arguments)


async def escalation(short: bool) -> int:
    return await _run("evals.escalation", ["--short"] if short else [])


async def red_team(short: bool) -> int:
    return await _run("evals.red_team", ["--short"] if short else [])


async def _run(module: str, arguments: Sequence[str]) -> int:
    """The evaluation's exit code. Raises BadInput where the evaluations are not installed."""
    if importlib.util.find_spec("evals") is None:
        raise BadInput(
            "The evaluations come with the source code, not with the installed package; run this in a clone."
        )
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments)
    return await process.wait()


def flags(short: bool, only: Sequence[str], json: bool, write: Path | None) -> list[str]:
    """The evaluation's own arguments."""
    named = [word for name in only for word in ("--only", name)]
    into = [] if write is None else ["--write", str(write)]
    return [*(["--short"] if short else []), *named, *(["--json"] if json else []), *into]
