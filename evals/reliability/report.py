"""What was required and what was seen, as a table."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement of one scenario."""

    scenario: str
    required: str
    seen: str
    ok: bool


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` of them do not exceed; NaN of none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spread(values: Sequence[float]) -> str:
    """Seconds, as p50 and p95."""
    return f"p50 {percentile(values, 0.5):.2f} s, p95 {percentile(values, 0.95):.2f} s of {len(values)}"


def machine(server_version: str) -> str:
    """Where and with what, on one line."""
    parts = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{os.cpu_count()} cores",
        f"{psutil.virtual_memory().total / 2**30:.0f} GB",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        f"PostgreSQL {server_version}",
        *(f"{name} {version(name)}" for name in ("langgraph", "procrastinate", "psycopg")),
    ]
    return ", ".join(parts)


def table(findings: Sequence[Finding], where: str) -> str:
    """Markdown, legible as it is."""
    rows = [("scenario", "required", "seen", "ok")]
    rows += [(each.scenario, each.required, each.seen, "yes" if each.ok else "NO") for each in findings]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    failed = sum(not each.ok for each in findings)
    verdict = "every requirement was met" if not failed else f"{failed} of {len(findings)} requirements were not met"
    return "\n".join([where, "", *lines, "", verdict])


def as_json(findings: Sequence[Finding], where: str) -> dict[str, Any]:
    return {"machine": where, "ok": all(each.ok for each in findings), "findings": [asdict(each) for each in findings]}


def write(path: Path, text: str) -> None:
    """Put `text` under its heading in a Markdown file, in the place of what stood there."""
    heading = "## Reliability"
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    before, found, after = old.partition(heading)
    _, other, rest = after.partition("\n## ")
    following = f"\n\n## {rest}" if found and other else "\n"
    path.write_text(f"{before.rstrip()}\n\n{heading}\n\n{text}".lstrip() + following, encoding="utf-8")
