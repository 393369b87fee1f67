"""What is done with a record: chains are walked, checkpoints are listed, threads are run again."""

from __future__ import annotations

import secrets
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import uvloop
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from bench import servers
from bench.applications import one_recorded_thread, settings
from bench.figures import Figure, Report, at_least, at_most, percentile
from core.canonical import canonical_json
from core.events import GENESIS, Event, event_hash
from core.ports import Tool
from graph.build import build
from nodes.bindings import Bindings
from runtime import seo
from runtime.authorities import EnvironmentAuthorities
from runtime.chat_model import ChatModel
from runtime.models import OFFLINE, connection_of
from runtime.replay.record import Record, read
from runtime.replay.run import replay_record
from runtime.running import Graph, run_config
from runtime.studio import MemoryArtifacts, NothingKnown, SecondLookApprovals, StubbingExecutor, Unrecorded
from runtime.wiring import Application, model_settings, open_application
from store import database
from store.history import HistoryStore
from store.verification import Verified, verify
from tools.registry import register

THREADS: Final = 10_000
CHECKPOINTS: Final = 500
CALLS: Final = 50
ROUNDS: Final = 7
_COLUMNS: Final = "thread_id, seq, tenant, kind, class, actor, at, checkpoint_id, body, prev_hash, hash"


async def fill(pool: database.Pool, recorded: str, threads: int) -> None:
    """So many copies of a recorded thread, each with a chain of its own."""
    async with pool.connection() as connection:
        rows = await (
            await connection.execute("select * from event where thread_id = %s order by seq", [recorded])
        ).fetchall()
        await connection.execute("set session_replication_role = replica")
        ids = [secrets.token_hex(8) for _ in range(threads)]
        ends = {}
        async with connection.cursor() as cursor, cursor.copy(f"copy event ({_COLUMNS}) from stdin".encode()) as copy:
            for thread_id in ids:
                for row in _chained(thread_id, rows):
                    await copy.write_row(row)
                ends[thread_id] = row[-1]
        await connection.execute(
            "insert into thread (id, tenant, domain, subject, status, environment, task, requester, model,"
            " graph_version, release, behaviour_versions, last_seq, last_hash)"
            " select made.id, tenant, domain, subject, status, environment, task, requester, model, graph_version,"
            " release, behaviour_versions, last_seq, made.hash"
            " from thread, unnest(%s::text[], %s::text[]) as made(id, hash) where thread.id = %s",
            [list(ends), list(ends.values()), recorded],
        )
        await connection.execute("set session_replication_role = default")
        await connection.execute("vacuum analyze")


def _chained(thread_id: str, rows: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    previous = GENESIS
    for row in rows:
        source = Event(row["kind"], row["actor"], row["body"])
        link = event_hash(thread_id, row["seq"], source, row["at"], row["checkpoint_id"], previous)
        yield (
            thread_id, row["seq"], row["tenant"], row["kind"], row["class"], row["actor"], row["at"],
            row["checkpoint_id"], canonical_json(row["body"]), previous, link,
        )  # fmt: skip
        previous = link


async def lengthened(pool: database.Pool, recorded: str, checkpoints: int) -> str:
    """A thread with so many checkpoints: those of a recorded one, again and again."""
    async with pool.connection() as connection:
        await connection.execute(
            "insert into checkpoints select 'long', checkpoint_ns, n || '-' || checkpoint_id, null, type, checkpoint,"
            " metadata from generate_series(100, 999) n cross join checkpoints where thread_id = %s"
            " order by n, checkpoint_id limit %s",
            [recorded, checkpoints],
        )
        await connection.execute("analyze checkpoints")
    return "long"


async def listing(pool: database.Pool, thread_id: str, times: int) -> list[float]:
    """Seconds of each of so many readings of a thread's history, and one before them that is not counted."""
    history, taken = HistoryStore(pool), []
    for _ in range(times + 1):
        started = time.perf_counter()
        await history.moments(thread_id)
        taken.append(time.perf_counter() - started)
    return taken[1:]


async def replaying(app: Application, record: Record) -> float:
    """Supersteps per second of a replay."""
    started = time.perf_counter()
    replayed = await replay_record(app, record)
    if replayed.difference is not None:
        raise RuntimeError(f"the recorded thread does not come out the same: {replayed.difference}")
    return replayed.supersteps / (time.perf_counter() - started)


async def bare(app: Application, record: Record) -> float:
    """Supersteps per second of the same graph over the same thread with InMemorySaver and nothing recorded or compared:
    its ports are in memory, its tools and the offline algorithm do their work."""
    graph: Graph = build(await _in_memory(app, record)).compile(checkpointer=InMemorySaver())
    config, given, steps = (
        run_config("bare"),
        cast("Any", {"task": record.thread["task"], "results": {}, "counters": {}}),
        0,
    )
    started = time.perf_counter()
    while True:
        async for update in graph.astream(given, config, stream_mode="updates", durability="sync"):
            steps += sum(not node.startswith("__") for node in update)
        snapshot = await graph.aget_state(config)
        if not snapshot.interrupts:
            return steps / (time.perf_counter() - started)
        approved = {"decisions": [{"type": "approve", "by": "dana"}], "review": 1}
        given = Command(resume={snapshot.interrupts[0].id: approved})


async def _in_memory(app: Application, record: Record) -> Bindings:
    domain, choice = app.domain(record.thread["domain"]), await app.choice(OFFLINE)
    artifacts, nothing = MemoryArtifacts(), NothingKnown()
    artifacts.content.update({f"{record.thread['tenant']}/{digest}": text for digest, text in record.texts.items()})
    adapters: dict[str, Tool] = dict(seo.adapters(app.settings))
    model = ChatModel(
        seo.offline_model(), OFFLINE, {}, Unrecorded(), connection_of(choice, model_settings(app.settings))
    )
    return Bindings(
        domain=domain,
        model=model,
        executor=StubbingExecutor(register(domain.tools, adapters), artifacts),
        artifacts=artifacts,
        approvals=SecondLookApprovals(),
        novelty=nothing,
        history=nothing,
        outcomes=nothing,
        memory=nothing,
        gate=app.gate,
        environment="local",
        authorities=EnvironmentAuthorities(domain.name, "local"),
        offline=True,
        new_id=lambda: uuid.uuid4().hex,
    )


class Found(NamedTuple):
    verified: Verified
    seconds: float
    """Of the walk over all chains."""
    listed: Sequence[float]
    replays: Sequence[float]
    bare: Sequence[float]


async def measure(url: str, home: Path, threads: int, checkpoints: int, rounds: int) -> Found:
    recorded = await one_recorded_thread(url, home)
    async with open_application(settings(url, home)) as app:
        record = await read(app, await app.threads.get(recorded))
        turns = [(await replaying(app, record), await bare(app, record)) for _ in range(rounds + 1)][1:]
        listed = await listing(app.pool, await lengthened(app.pool, recorded, checkpoints), CALLS)
        await fill(app.pool, recorded, threads)
        started = time.perf_counter()
        verified = await verify(app.pool, None)
        taken = time.perf_counter() - started
    return Found(verified, taken, listed, [turn[0] for turn in turns], [turn[1] for turn in turns])


def report(found: Found) -> Report:
    verified = found.verified
    ratio = statistics.median(ours / other for ours, other in zip(found.replays, found.bare, strict=True))
    return Report(
        "Record: verify, history, replay",
        (
            f"{verified.threads:,} threads with {verified.events:,} events, copies of one SEO thread that ran to its "
            f"end, each with a chain of its own; {verified.broken} places do not hold.",
            "The history is of a thread with 500 checkpoints; the replay is of the recorded thread. The bare graph "
            "runs the same thread with LangGraph's InMemorySaver, ports in memory, the offline algorithm and the tools "
            "(those that reach outside are stubs); nothing is recorded or compared. Taken in turn, ratios in a round.",
        ),
        (
            Figure("chains walked", found.seconds, "s", at_most(60.0),
                   f"{verified.events / found.seconds:,.0f} events per second"),
            Figure("history, p95", percentile(found.listed, 0.95) * 1000, "ms", at_most(50.0),
                   f"p50 {percentile(found.listed, 0.5) * 1000:.1f} ms"),
            Figure("replay: supersteps per second", statistics.median(found.replays), ""),
            Figure("replay to the bare graph", ratio, "×", at_least(0.5),
                   f"{statistics.median(found.bare):,.0f} per second"),
        ),
    )  # fmt: skip


def run() -> Report:
    with servers.plain() as server, tempfile.TemporaryDirectory() as home:
        return report(uvloop.run(measure(server.url, Path(home), THREADS, CHECKPOINTS, ROUNDS)))
