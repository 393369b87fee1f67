"""Files of keywords become batches of threads; what a person sees and does to a batch."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.canonical import sha256
from core.errors import BadInput
from graph.version import GRAPH_VERSION
from runtime.intake import NewThread
from runtime.keyword_file import Row, Skipped, open_keywords
from runtime.wiring import Application
from store.batches import BatchStore, Chunk, Common, NewThreadRow, no_such_batch
from store.scorings import ScoringStore
from tools.serp_shapes import normalised_keyword

if TYPE_CHECKING:
    from runtime import seo

CHUNK: Final = 500
"""Rows of one transaction; what an interruption leaves out is at most so many, and they are added by the next run."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`profile` and `locale` are for rows that name none; `again`: keywords whose thread has ended get a new one."""

    file: Path
    profile: Path
    locale: str
    again: bool
    requester: str


@dataclass(slots=True)
class Intake:
    """What has become of the file so far."""

    ignored: tuple[str, ...] = ()
    """Columns that mean nothing here."""
    batches: dict[str, int] = field(default_factory=dict)
    """Tenant -> batch, of those that got threads."""
    added: int = 0
    skipped: int = 0
    known: Counter[str] = field(default_factory=Counter)
    """Status -> keywords that have a thread already."""
    known_in: Counter[int] = field(default_factory=Counter)
    """Batch -> keywords of it that came again."""


async def add(app: Application, asked: Asked, said: Intake, on_skip: Callable[[Skipped], None]) -> None:
    """Add the file's keywords as queued threads; `said` is kept up to date while it goes.

    Raises BadInput for a file or a profile that cannot be used. Cancelled, it ends after the chunk under way.
    """
    # Before the file: a setting that is wrong is no row's fault.
    adding = _Adding(app, asked, said, on_skip, await _common(app, asked))
    await adding.default_company()
    with open_keywords(asked.file, asked.locale) as file:
        said.ignored = file.ignored
        chunk: list[Row | Skipped] = []
        for row in file.rows:
            chunk.append(row)
            if len(chunk) >= CHUNK:
                await _to_the_end(adding.store(chunk))
                chunk = []
        await _to_the_end(adding.store(chunk))


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """A chunk is not torn: Ctrl-C waits for its end, so that what is said to be in is what is in."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


class _Adding:
    """One file on its way in: profiles read so far, and the lines on which keywords were seen."""

    def __init__(
        self, app: Application, asked: Asked, said: Intake, on_skip: Callable[[Skipped], None], common: Common
    ) -> None:
        self._app, self._asked, self._said, self._on_skip, self._common = app, asked, said, on_skip, common
        self._batches = BatchStore(app.pool)
        self._companies: dict[str, seo.Company | str] = {}
        self._lines: dict[bytes, int] = {}

    async def default_company(self) -> None:
        from runtime import seo

        self._companies[""] = await seo.read_company(self._app.artifacts, self._asked.profile)

    def skip(self, skipped: Skipped) -> None:
        self._said.skipped += 1
        self._on_skip(skipped)

    async def store(self, rows: Sequence[Row | Skipped]) -> None:
        by_tenant: dict[str, list[NewThreadRow]] = {}
        for row in rows:
            if isinstance(row, Skipped):
                self.skip(row)
                continue
            company = await self._company(row.profile)
            if isinstance(company, str):
                self.skip(Skipped(row.line, company))
            elif (new := self._new(row, company)) is not None:
                by_tenant.setdefault(company.tenant, []).append(new)
        for tenant, threads in by_tenant.items():
            batch = self._said.batches.get(tenant)
            common = await self._of_tenant(tenant)
            self._count(tenant, await self._batches.add(common, batch, threads, again=self._asked.again))

    async def _of_tenant(self, tenant: str) -> Common:
        known, environment = self._common.behaviour_versions, self._common.environment
        versions = await ScoringStore(self._app.pool).in_use(tenant, environment, known)
        return replace(self._common, tenant=tenant, behaviour_versions=versions)

    async def _company(self, profile: str) -> seo.Company | str:
        """The company of a profile, whose path is relative to the keywords' file; why it cannot be used otherwise."""
        from runtime import seo

        if profile not in self._companies:
            path = self._asked.file.parent / profile
            try:
                self._companies[profile] = await seo.read_company(self._app.artifacts, path)
            except BadInput as error:
                self._companies[profile] = str(error).rstrip(".")
        return self._companies[profile]

    def _new(self, row: Row, company: seo.Company) -> NewThreadRow | None:
        from runtime import seo

        key = batch_key(row.keyword, row.locale)
        first = self._lines.setdefault(bytes.fromhex(sha256(company.tenant + key))[:16], row.line)
        if first != row.line:
            self.skip(Skipped(row.line, f"the same keyword as line {first}"))
            return None
        new: NewThread = seo.keyword_thread(
            self._app.settings, company, self._common.model, self._asked.requester, row.keyword, row.locale
        )
        return NewThreadRow(new.subject, new.task, key, row.priority, row.due)

    def _count(self, tenant: str, chunk: Chunk) -> None:
        if chunk.batch is not None:
            self._said.batches[tenant] = chunk.batch
        self._said.added += chunk.added
        self._said.known.update(held.status for held in chunk.known)
        self._said.known_in.update(held.batch for held in chunk.known if held.batch is not None)


def batch_key(keyword: str, locale: str) -> str:
    """What makes two lines ask for the same thing, for one tenant in this domain."""
    return sha256([normalised_keyword(keyword), locale])


async def _common(app: Application, asked: Asked) -> Common:
    from runtime import seo  # brings the domain and its tools, which no command that only looks has to wait for

    choice = await app.choice()
    versions = app.behaviour_versions(seo.DOMAIN.name, choice)
    return Common(
        "", seo.DOMAIN.name, asked.file.name, app.settings.environment, asked.requester, choice.label, GRAPH_VERSION,
        app.release(versions), versions,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """Batches at one moment, and how many workers are alive."""

    batches: Sequence[dict[str, Any]]
    workers: int

    @property
    def under_way(self) -> bool:
        """Whether anything is still to come. Of a paused batch only what runs is; waiting for people is settled."""
        return any(
            row["running"] or (not row["paused"] and (row["queued"] or row["postponed"])) for row in self.batches
        )


async def view(app: Application, numbers: Sequence[int]) -> View:
    """Raises NotFound for a batch that does not exist."""
    store = BatchStore(app.pool)
    rows = await store.overview(numbers, len(numbers))
    for number in numbers:
        if number not in {row["number"] for row in rows}:
            raise no_such_batch(number)
    return View(rows, await store.workers_alive())


async def newest(app: Application, limit: int) -> Sequence[dict[str, Any]]:
    return await BatchStore(app.pool).overview(None, limit)


async def pause(app: Application, number: int, *, paused: bool) -> None:
    """No new run of the batch is begun while it is paused. Raises NotFound."""
    await BatchStore(app.pool).pause(number, paused)


async def stop(app: Application, number: int, person: str, on_stopped: Callable[[int], None]) -> int:
    """Stop every thread of a batch that has not ended; how many. `on_stopped` is told after each chunk."""
    await view(app, [number])
    store, last, count = BatchStore(app.pool), "", 0
    while ids := await store.unended(number, last, CHUNK):
        for thread_id in ids:
            await app.threads.request_stop(thread_id, person, f"batch b-{number} was stopped")
        last, count = ids[-1], count + len(ids)
        on_stopped(count)
    return count


def batch_number(text: str) -> int:
    """b-7 or 7. Raises BadInput."""
    digits = text.strip().lower().removeprefix("b-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise BadInput(f"{text[:40]!r} is not a batch; they look like b-7. See: autonomy batch list")
    return int(digits)
