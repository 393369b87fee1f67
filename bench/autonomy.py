"""What earned autonomy costs: scoring a step beside 100,000 past tasks, and certificates from 1,000,000 outcomes."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import uvloop
from psycopg.types.json import Json

from bench import servers
from bench.applications import settings
from bench.figures import Figure, Report, at_most, percentile
from core.actions import SelfReport
from core.ports import CallSite
from escalation.control_quality import Quality
from escalation.novelty import embed
from escalation.score import Signals, score
from escalation.standing import beginning
from nodes.escalation_score import alike
from runtime.earned import EarnedAuthorities
from runtime.levels import recompute
from runtime.wiring import Application, open_application
from store import database
from store.reviews import ReviewStore
from store.vectors import ChromaNovelty

PAST: Final = 100_000
OUTCOMES: Final = 1_000_000
TYPES: Final = 20
CALLS: Final = 300
WORDS: Final = 400
_CHUNK: Final = 5_000
_THREAD: Final = """
insert into thread (id, tenant, domain, subject, environment, task, requester, model, graph_version, release,
                    behaviour_versions)
values ('t', 'acme', 'seo', 's', 'local', '{}', 'r', 'm', 1, 'r', '{}')
"""
_FILL: Final = """
insert into outcome (tenant, environment, thread_id, task_type, behaviour_version, proposal_id, proposal_hash, answer,
                     changed, score, floor, propensity, verdict, counted, actor)
select 'acme', 'local', (n / %(types)s - 1)::text, 'type' || n %% %(types)s, 'v', n::text, 'h', 'approve', n %% 30 = 0,
       .05 + .6 * (n::bigint * 7919 %% 1000) / 1000, 1, 1, case when n %% 30 = 0 then 'wrong' else 'right' end,
       n / %(types)s, 'r'
from generate_series(%(types)s, %(outcomes)s + %(types)s - 1) n
"""
_STANDINGS: Final = """
insert into standing (tenant, environment, task_type, behaviour_version, risk, certificate, watch, quality)
select 'acme', 'local', 'type' || n, 'v', 'normal', %(certificate)s, %(watch)s, %(quality)s
from generate_series(0, %(types)s - 1) n
"""


def situation(drawn: random.Random) -> str:
    """As long as those of the content pipeline."""
    return " ".join(f"word{drawn.randrange(WORDS)}" for _ in range(30))


def run() -> Report:
    with servers.plain() as server:
        return uvloop.run(measured(server))


async def measured(server: servers.Server) -> Report:
    async with open_application(settings(server.url, server.home)) as app:
        await fill(app.pool)
        steps = await scored(app, server.home / "past")
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as another:
            first = another.submit(first_reading, server.home / "past").result()
        started = time.perf_counter()
        seen, _ = await recompute(app)
        took = time.perf_counter() - started
    notes = (
        f"Scoring: certificates, history and novelty read, and the score, {CALLS} times, one after another; "
        f"{PAST:,} past tasks of one type in an embedded Chroma, lexical vectors; {OUTCOMES:,} outcomes in Postgres. "
        "A process reads the index of a folder into memory when it first asks. "
        f"Recomputing: read in order, replayed, compared. {server.described}.",
    )
    return Report("Earned autonomy", notes, (
        Figure("scoring a step, p50", percentile(steps, 0.5) * 1000, "ms", at_most(5)),
        Figure("scoring a step, p99", percentile(steps, 0.99) * 1000, "ms"),
        Figure("first reading of a process", first, "s"),
        Figure(f"certificates of {seen:,} outcomes again", took, "s", at_most(60)),
    ))  # fmt: skip


async def fill(pool: database.Pool) -> None:
    new: dict[str, Any] = beginning("normal").to_json()
    given = {
        "types": TYPES,
        "outcomes": OUTCOMES,
        "certificate": Json(new["certificate"]),
        "watch": Json(new["watch"]),
        "quality": Json(asdict(Quality())),
    }
    async with pool.connection() as connection:
        await connection.execute(_THREAD)
        await connection.execute("set session_replication_role = replica")
        await connection.execute(_FILL, given)
        await connection.execute(_STANDINGS, given)
        await connection.execute("set session_replication_role = default")
        await connection.execute("vacuum analyze outcome")


async def scored(app: Application, folder: Path) -> list[float]:
    """Seconds of each score."""
    drawn = random.Random(1)  # noqa: S311 - a workload, not a secret
    index, history = ChromaNovelty(folder), ReviewStore(app.pool)
    authorities = EarnedAuthorities(app.pool, "local", {"type1": "v"})
    collection = index.collection("acme", "type1")
    for start in range(0, PAST, _CHUNK):
        vectors: Any = [embed(situation(drawn)) for _ in range(_CHUNK)]
        collection.upsert(ids=[str(start + number) for number in range(_CHUNK)], embeddings=vectors)
    site, report, times = CallSite("acme", "t", "task"), SelfReport(confidence=0.7), []
    for _ in range(CALLS):
        asked, started = situation(drawn), time.perf_counter()
        controls, (reading, past) = await asyncio.gather(  # as nodes/escalation_score.py does
            authorities.in_force(site, {"type1"}), alike(index, history, "acme", "type1", asked)
        )
        score(Signals(report, reading, past.changed, past.decided, controls.of("type1").threshold, alike=past.alike))
        times.append(time.perf_counter() - started)
    return times


def first_reading(folder: Path) -> float:
    """Seconds until an index that is open has its first answer, in a process that has asked for nothing yet."""
    index = ChromaNovelty(folder)
    index.check()
    started = time.perf_counter()
    asyncio.run(index.nearest("acme", "type1", situation(random.Random(2))))  # noqa: S311 - a workload, not a secret
    return time.perf_counter() - started
