"""The one composition root: what is made of what."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from core.domain import Domain
from core.errors import AutonomyError, BadInput
from core.ports import Model
from core.vocabulary import Authority
from nodes.bindings import Bindings
from policy.facts import authority_in
from policy.gate import CedarGate, load_gate
from runtime.authorities import EnvironmentAuthorities
from runtime.databases import database_url
from runtime.models import ModelChoice, ModelSettings, build, choose_model, close, connection_of
from runtime.settings import Settings
from store import database
from store.artifacts import PostgresArtifacts
from store.encryption import Cipher
from store.jobs import Jobs, PostgresJobs
from store.leases import LeaseKeeper
from store.ledger import PostgresLedger
from store.model_calls import ModelCallStore
from store.reviews import ReviewStore
from store.sql import query
from store.threads import ThreadStore
from store.transitions import TransitionSaver
from store.vectors import ChromaNovelty
from tools.breakers import Breakers
from tools.content_folder import replace_atomically
from tools.executor import LedgerExecutor
from tools.registry import register

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def _seo() -> ModuleType:
    from runtime import seo

    return seo


DOMAINS: Final[Mapping[str, Callable[[], ModuleType]]] = {"seo": _seo}
"""Domain name -> the module of ours that wires it; loaded when a thread of it is run."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What another part may stand in for: evals put parts there that break on purpose."""

    domains: Mapping[str, Callable[[], ModuleType]] = field(default_factory=lambda: DOMAINS)
    saver: Callable[..., TransitionSaver] = TransitionSaver
    """Called with pool, thread id and epoch; and with a `cipher` when there is a key."""
    ledger: Callable[[database.Pool, int], PostgresLedger] = PostgresLedger


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that is open while a command runs. Belongs to one event loop."""

    settings: Settings
    parts: Parts
    url: str
    pool: database.Pool
    gate: CedarGate
    threads: ThreadStore
    reviews: ReviewStore
    artifacts: PostgresArtifacts
    novelty: ChromaNovelty
    keeper: LeaseKeeper
    jobs: Jobs
    breakers: Breakers = field(default_factory=Breakers)
    _models: dict[str, tuple[BaseChatModel, Model]] = field(default_factory=dict)

    def domain(self, name: str) -> Domain:
        """Raises BadInput for a domain that is not installed."""
        domain: Domain = self._domain_module(name).DOMAIN
        return domain

    def _domain_module(self, name: str) -> ModuleType:
        domains = self.parts.domains
        if name not in domains:
            raise BadInput(f"There is no domain {name}; installed: {', '.join(domains)}.")
        return domains[name]()

    @property
    def authority(self) -> Authority:
        """What the agent may do without a person, before anything is certified."""
        return authority_in(self.settings.environment)

    async def counts(self) -> dict[str, Any]:
        """server_version, threads, reviews (open)."""
        async with self.pool.connection() as connection:
            row = await (await connection.execute(query("counts"))).fetchone()
        return row or {}

    async def choice(self, model: str | None = None) -> ModelChoice:
        """The model in force, or the endpoint for `model`, which a thread was started with."""
        return await choose_model(model_settings(self.settings, model), {})

    def behaviour_versions(self, domain: str, choice: ModelChoice) -> dict[str, str]:
        from runtime import versions

        return versions.behaviour_versions(self.domain(domain), choice.parameters)

    def release(self, behaviours: Mapping[str, str]) -> str:
        from runtime import versions

        return versions.release(behaviours, self.gate.text)

    async def bind(self, thread: Mapping[str, Any], epoch: int) -> Bindings:
        """The ports of one run of `thread` under the lease `epoch`."""
        choice = await self.choice(thread["model"])
        domain = self.domain(thread["domain"])
        adapters = self._domain_module(thread["domain"]).adapters(self.settings)
        tools = register(domain.tools, adapters)
        return Bindings(
            domain=domain,
            model=self._model(choice, thread["domain"]),
            executor=LedgerExecutor(
                tools, self.parts.ledger(self.pool, epoch), self.artifacts, self.keeper, self.breakers
            ),
            artifacts=self.artifacts,
            approvals=self.reviews,
            novelty=self.novelty,
            history=self.reviews,
            gate=self.gate,
            environment=thread["environment"],
            authorities=EnvironmentAuthorities(thread["environment"]),
            offline=choice.kind == "offline",
            new_id=lambda: uuid.uuid4().hex,
            postponed=thread["postponed"],
        )

    def _model(self, choice: ModelChoice, domain: str) -> Model:
        from runtime.chat_model import ChatModel

        if choice.label not in self._models:
            settings = model_settings(self.settings, choice.label)
            chat = build(choice, settings, self._domain_module(domain).offline_model)
            record, connection = ModelCallStore(self.pool), connection_of(choice, settings)
            model = ChatModel(chat, choice.label, choice.parameters, record, connection, deadlines=self.keeper)
            self._models[choice.label] = (chat, model)
        return self._models[choice.label][1]

    async def close(self) -> None:
        self.keeper.close()
        for chat, _ in self._models.values():
            await close(chat)


def model_settings(given: Settings, model: str | None = None) -> ModelSettings:
    """What decides on the model. `model`: the one a thread was started with, if there is one."""
    return ModelSettings(
        model=model or given.model,
        api_key=given.openai_api_key,
        base_url=given.openai_base_url,
        timeout=given.model_timeout,
        probe_local=given.probe_local_models,
    )


def past_tasks(settings: Settings) -> ChromaNovelty:
    """The index of past tasks, not yet opened."""
    return ChromaNovelty(settings.home.expanduser() / "chroma")


@asynccontextmanager
async def open_application(settings: Settings, parts: Parts | None = None) -> AsyncIterator[Application]:
    """Start or reach the database, bring it up to date, and open what commands need."""
    gate = load_gate(settings.policies)
    url = database_url(settings)
    database.migrate(url)
    async with database.open_pool(url) as pool:
        app = Application(
            settings,
            _with_cipher(parts or Parts(), settings),
            url,
            pool,
            gate,
            ThreadStore(pool),
            ReviewStore(pool),
            PostgresArtifacts(pool),
            past_tasks(settings),
            LeaseKeeper(url),
            PostgresJobs(pool, url),
        )
        try:
            yield app
        finally:
            await app.close()


def _with_cipher(parts: Parts, settings: Settings) -> Parts:
    """Raises BadInput for a key that is none."""
    if settings.encryption_key is None:
        return parts
    cipher = Cipher.from_text(settings.encryption_key.get_secret_value())
    return replace(parts, saver=partial(parts.saver, cipher=cipher))


def write_export(content_dir: str, path: str, text: str) -> Path:
    """Write one of a domain's files, whole or not at all. Raises AutonomyError naming the file and the cause."""
    target = Path(content_dir, path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_atomically(target, text.encode("utf-8"))
    except OSError as error:
        raise AutonomyError(
            f"{target} cannot be written: {error.strerror}. The thread is safe; make room or set AUTONOMY_CONTENT_DIR."
        ) from error
    return target
