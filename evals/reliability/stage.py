"""A database, an effect server and an application of one scenario, and the threads that are tried on them."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg_pool import PoolTimeout

from core.errors import AutonomyError, DatabaseUnavailable
from core.vocabulary import Environment
from evals.reliability import domain
from evals.reliability.cluster import Cluster
from evals.reliability.far_side import FarSide
from evals.reliability.parts import breaking
from evals.reliability.worker import Orders
from runtime import threads
from runtime.intake import NewThread
from runtime.wiring import Application, open_application

OPERATOR: Final = threads.Person("simulated operator")
_POLL: Final = 0.05


class Overdue(AutonomyError):
    """Something that had to come did not come in time."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a tool. `target` is used nowhere else; with `asks` the planner calls the far side first."""

    tool: str
    target: str
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """A thread that is tried, and what it is to do."""

    thread_id: str
    steps: tuple[Step, ...]

    @property
    def keys(self) -> Mapping[str, str]:
        """Target -> operation key."""
        return {
            step.target: domain.TOOLS[step.tool].operation_key(
                domain.TENANT, self.thread_id, "", {"target": step.target}
            )
            for step in self.steps
        }


def step(tool: str, *, asks: bool = False) -> Step:
    """A step with a target of its own."""
    return Step(tool, f"{tool}-{uuid.uuid4().hex[:12]}", asks)


def one_of_each() -> tuple[Step, ...]:
    """A step for each class of tools."""
    return tuple(step(tool) for tool in domain.CLASSES)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a scenario works on. `app` is the harness's own; it starts threads and decides, workers run them."""

    cluster: Cluster
    far: FarSide
    orders: Orders
    app: Application

    async def start(self, steps: Sequence[Step]) -> Trial:
        """A queued thread that will take `steps`."""
        profile = await self.app.artifacts.put(domain.TENANT, "{}", "application/json", "reliability", "profile")
        task = {
            "domain": domain.NAME,
            "tenant": domain.TENANT,
            "profile": profile.to_json(),
            "content_dir": str(Path(self.orders.home, "content")),
            "model": (await self.app.choice()).label,
            "requester": "reliability",
            "server": self.far.url,
            "plan": [asdict(each) for each in steps],
        }
        new = NewThread(domain.NAME, domain.TENANT, f"{len(steps)} steps", task, "reliability")
        return Trial(await threads.start(self.app, new), tuple(steps))

    async def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """What the database answers, over the application's own pool."""
        async with self.app.pool.connection() as connection:
            return await (await connection.execute(sql.encode(), values or None)).fetchall()

    async def statuses(self, trials: Sequence[Trial]) -> dict[str, str]:
        """Thread -> status."""
        found = await self.rows("select id, status from thread where id = any(%s)", [t.thread_id for t in trials])
        return {row["id"]: row["status"] for row in found}

    async def hasten(self) -> None:
        """Threads that were postponed are tried again now instead of later, but not again and again."""
        await self.rows(
            "update thread set wake_at = now()"
            " where status = 'queued' and wake_at > now() and postponed <= 2 returning id"
        )

    async def open_reviews(self, trials: Sequence[Trial]) -> list[dict[str, Any]]:
        """number, thread_id, kind, request of what waits for a person."""
        return await self.rows(
            "select number, thread_id, kind, request from review where state = 'open' and thread_id = any(%s)"
            " order by number",
            [trial.thread_id for trial in trials],
        )

    async def wait(
        self, trials: Sequence[Trial], condition: Callable[[], Awaitable[bool]], seconds: float, what: str
    ) -> float:
        """As `until`; what is overdue is said together with where the threads are."""
        try:
            return await until(condition, seconds, what)
        except Overdue as error:
            raise Overdue(f"{error}; {await self._state_of(trials)}") from None

    async def _state_of(self, trials: Sequence[Trial]) -> str:
        statuses = list((await self.statuses(trials)).values())
        kinds = [f"{row['kind']}: {'; '.join(row['request']['why'])}" for row in await self.open_reviews(trials)]
        counted = {status: statuses.count(status) for status in sorted(set(statuses))}
        return json.dumps({"threads": counted, "reviews": kinds[:3]}, ensure_ascii=False)


@asynccontextmanager
async def open_stage(
    cluster: Cluster, far: FarSide, folder: Path, name: str, environment: Environment = "local"
) -> AsyncIterator[Stage]:
    """A stage on a new database of `cluster`, with its files below `folder`."""
    orders = Orders(cluster.create(name), str(folder / name), environment=environment)
    async with open_application(orders.settings, breaking(orders.fuses)) as app:
        yield Stage(cluster, far, orders, app)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float, what: str) -> float:
    """Wait for `condition`; returns the seconds it took. A database that is away is waited for. Raises Overdue."""
    began = time.monotonic()
    while not await _holds(condition):
        if time.monotonic() - began > seconds:
            raise Overdue(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(_POLL)
    return time.monotonic() - began


async def _holds(condition: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await condition()
    except (psycopg.OperationalError, PoolTimeout, DatabaseUnavailable):
        return False
