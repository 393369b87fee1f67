"""backtest: what other rules, weights or another threshold would have changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cli.console import out, print_json, safe, table
from cli.days import day
from core.errors import BadInput
from escalation.what_if import checked_threshold, parse_weights
from runtime.backtest import Found, WhatIf, backtest
from runtime.rules_in_force import RulesInForce
from runtime.settings import read_settings
from runtime.wiring import open_application

_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Supposed:
    policies: Path | None
    weights: str | None
    threshold: float | None


async def run(thread: str | None, since: str | None, supposed: Supposed, json: bool) -> int:
    if (supposed.policies, supposed.weights, supposed.threshold) == (None, None, None):
        raise BadInput("Say what to suppose: --policies FOLDER, --weights A,B,C or --threshold SCORE.")
    weights = None if supposed.weights is None else parse_weights(supposed.weights)
    threshold = None if supposed.threshold is None else checked_threshold(supposed.threshold)
    start = None if since is None else day(since)
    async with open_application(read_settings()) as app:
        rules = RulesInForce(supposed.policies, tuple(app.parts.domains))
        gate = None if supposed.policies is None else rules.gate()
        found = await backtest(app, WhatIf(gate, weights, threshold), thread, start)
    if json:
        print_json({**asdict(found), "otherwise": [each._asdict() for each in found.otherwise]})
    else:
        _print(found)
    return 0


def _print(found: Found) -> None:
    rows = [
        (each.thread_id, f"#{each.seq}", each.action, each.was, each.instead, each.by)
        for each in found.otherwise[:_SHOWN]
    ]
    if rows:
        table(("thread", "step", "action", "was", "would be", "by"), rows)
    left = len(found.otherwise) - len(rows)
    more = f" ({left:,} more: --json)" if left else ""
    out().print(
        safe(f"{found.decisions:,} decisions of {found.threads:,} threads: {len(found.otherwise):,} otherwise{more}.")
    )
    if found.unreadable:
        out().print(safe(f"{found.unreadable:,} were recorded by another release and are left out."))
