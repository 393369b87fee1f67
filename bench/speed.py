"""Supersteps per second of one thread and of eight in one process: ours, the stock saver, DBOS."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final

import uvloop

from bench import counting, dbos_peer, servers
from bench.counting import OURS, STEPS, STOCK, Contender
from bench.figures import Figure, Report, Target, at_least
from store import database

ROUNDS: Final = 7
THREADS: Final = 8
POOL: Final = 8
"""Connections, for every contender."""
WARM: Final = 8
"""Runs before the clock starts: a server plans a statement anew the first ten times or so that a connection uses it."""
SHARED: Final = "AsyncPostgresSaver, one for all"

Rates = Mapping[str, Sequence[float]]
"""Who -> supersteps per second of each round; round n of all was taken at about the same time."""


async def rate(url: str, contender: Contender, threads: int, shared: bool = False) -> float:
    """Supersteps per second of `threads` runs at once in this process, once every connection is warm.

    shared: one saver serves all runs, as LangGraph's documentation shows it.
    """
    async with contender.open_pool(url, POOL) as pool:
        await counting.fill(pool, POOL)
        for _ in range(0, WARM, threads):
            await _at_once([_ready(pool, contender, await _thread(pool, contender)) for _ in range(threads)])
        prepared = [await _thread(pool, contender) for _ in range(threads)]
        if shared:
            saver = contender.saver(pool, *prepared[0])
            runs = [counting.ready(saver, thread) for thread, _ in prepared]
        else:
            runs = [_ready(pool, contender, thread) for thread in prepared]
        return threads * STEPS / await _at_once(runs)


async def _thread(pool: database.Pool, contender: Contender) -> tuple[str, int]:
    thread = counting.new_thread()
    return thread, await contender.prepare(pool, thread)


def _ready(pool: database.Pool, contender: Contender, thread: tuple[str, int]) -> Coroutine[Any, Any, None]:
    return counting.ready(contender.saver(pool, *thread), thread[0])


async def _at_once(runs: Sequence[Coroutine[Any, Any, None]]) -> float:
    """Seconds for all of them together."""
    started = time.perf_counter()
    await asyncio.gather(*runs)
    return time.perf_counter() - started


def measure(url: str, threads: int, rounds: int) -> Rates:
    """`rounds` rounds in which each has its turn; one round before them is not counted."""
    with dbos_peer.peer(url, STEPS) as dbos:
        takes_part: dict[str, Callable[[], float]] = {
            OURS.name: lambda: uvloop.run(rate(url, OURS, threads)),
            STOCK.name: lambda: uvloop.run(rate(url, STOCK, threads)),
            "DBOS": lambda: threads * STEPS / dbos.seconds(threads),
        }
        if threads > 1:
            takes_part[SHARED] = lambda: uvloop.run(rate(url, STOCK, threads, shared=True))
        found: dict[str, list[float]] = {name: [] for name in takes_part}
        for round_number in range(rounds + 1):
            for name, measured in takes_part.items():
                value = measured()
                if round_number > 0:
                    found[name].append(value)
    return found


def ratio(found: Rates, peer: str) -> float:
    """Median over the rounds of ours to `peer` in the same round."""
    return statistics.median(our / other for our, other in zip(found[OURS.name], found[peer], strict=True))


def figures(found: Rates, where: str, targets: Mapping[str, Target]) -> list[Figure]:
    """Ours in supersteps per second, and its ratio to each peer."""
    lines = [Figure(f"{where}: supersteps per second", statistics.median(found[OURS.name]), "")]
    for peer in found:
        if peer != OURS.name:
            beside = f"{statistics.median(found[peer]):,.0f} per second"
            lines.append(Figure(f"{where}: ours to {peer}", ratio(found, peer), "×", targets.get(peer), beside))
    return lines


def report(plain: Sequence[Figure], slow: Sequence[Figure], notes: Sequence[str]) -> Report:
    return Report(
        "Speed: supersteps per second",
        (
            f"{STEPS} supersteps a thread, durability sync; {ROUNDS} rounds taken in turn, one more before them, each "
            f"over connections that {WARM} runs have warmed. Medians; ratios within a round. Ours and the stock saver "
            "both on uvloop, as workers run.",
            "Ours stores events, the review and the thread's row besides. AsyncPostgresSaver has a pool without "
            "connection checks and a saver for each run; “one for all” is one saver over the same pool. "
            "DBOS runs workflows of as many empty steps (plain functions, a thread for each workflow) in a process of "
            "its own; each step stores its output, and there is no state to keep.",
            *notes,
        ),
        (*plain, *slow),
    )


def run() -> Report:
    notes: list[str] = []
    with servers.plain() as server:
        notes.append(f"Plain: {server.described}.")
        plain = figures(measure(server.url, 1, ROUNDS), "one thread, plain", {STOCK.name: at_least(0.85)})
    with ExitStack() as stack:
        try:
            server = stack.enter_context(servers.slow())
        except servers.NoSlowServerError as error:
            return report(plain, (), [*notes, f"Nothing was measured on a server with slow commits: {error}."])
        notes.append(f"Slow: {server.described}; every flush to disk is made 1 ms longer (slow_fsync.c).")
        one = figures(measure(server.url, 1, ROUNDS), "one thread, slow commits", {STOCK.name: at_least(1.3)})
        eight_targets = {STOCK.name: at_least(1.0), SHARED: at_least(3.0)}
        eight = figures(measure(server.url, THREADS, ROUNDS), "eight threads, slow commits", eight_targets)
    return report(plain, [*one, *eight], notes)
