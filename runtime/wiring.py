"""The one composition root: what is made of what."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from core.controls import InForce
from core.domain import Domain, refuse_without_card
from core.errors import AutonomyError, BadInput
from core.ports import Model, Novelty
from core.vocabulary import Risk
from escalation.samples import NONE, WAYS, Way
from nodes.bindings import Bindings
from policy.budgets import LIMITS, Limit, changed
from runtime.authorities import BoundedAuthorities, level_in
from runtime.copies import Forgetful, is_stubbed
from runtime.databases import database_url
from runtime.earned import EarnedAuthorities
from runtime.index import past_tasks
from runtime.intake import NewThread, asked_for
from runtime.keys import cipher_for_secrets
from runtime.mcp import McpTools, open_mcp
from runtime.models import ModelChoice, ModelSettings, build, choose_model, close, connection_of
from runtime.rules_in_force import RulesInForce
from runtime.settings import Settings
from store import database
from store.artifacts import PostgresArtifacts
from store.jobs import Jobs, PostgresJobs
from store.leases import LeaseKeeper
from store.ledger import PostgresLedger
from store.lockdown import LockdownStore
from store.memory import PostgresMemory
from store.model_calls import ModelCallStore
from store.outcomes import RunOutcomes
from store.reviews import ReviewStore
from store.scorings import ScoringStore
from store.secrets import SecretStore
from store.spending import PostgresBudgets, agent_of
from store.sql import query
from store.threads import ThreadStore
from store.vectors import ChromaNovelty
from tools.breakers import Breakers
from tools.content_folder import replace_atomically
from tools.executor import LedgerExecutor
from tools.registry import register
from tools.stubs import stubbed

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from policy.gate import CedarGate
    from store.transitions import TransitionSaver


def _saver(pool: database.Pool, thread_id: str, epoch: int, **options: Any) -> TransitionSaver:
    from store.transitions import TransitionSaver  # brings LangGraph, for which only who runs a thread has to wait

    return TransitionSaver(pool, thread_id, epoch, **options)


DOMAINS: Final[Mapping[str, Callable[[], ModuleType]]] = {
    "refunds": partial(import_module, "runtime.refunds"),
    "seo": partial(import_module, "runtime.seo"),
}
"""Domain name -> the module of ours that wires it; loaded when a thread of it is run."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What another part may stand in for: evals put parts there that break on purpose."""

    domains: Mapping[str, Callable[[], ModuleType]] = field(default_factory=lambda: DOMAINS)
    saver: Callable[..., TransitionSaver] = _saver
    """Called with pool, thread id and epoch; and with a `cipher` when there is a key."""
    ledger: Callable[[database.Pool, int, Sequence[Limit]], PostgresLedger] = PostgresLedger


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that is open while a command runs. Belongs to one event loop."""

    settings: Settings
    parts: Parts
    url: str
    pool: database.Pool
    _gate: Callable[[], CedarGate]
    threads: ThreadStore
    reviews: ReviewStore
    artifacts: PostgresArtifacts
    novelty: ChromaNovelty
    keeper: LeaseKeeper
    jobs: Jobs
    rules: RulesInForce
    mcp: McpTools = field(default_factory=McpTools)
    breakers: Breakers = field(default_factory=Breakers)
    _models: dict[tuple[str, str], tuple[BaseChatModel, Model]] = field(default_factory=dict)

    def domain(self, name: str, off: Mapping[str, str] | None = None) -> Domain:
        """With the tools of MCP servers that it is given; those in `off` are not offered, and why. Raises BadInput for
        a domain that is not installed, or has no workflow card."""
        domain: Domain = self._domain_module(name).DOMAIN
        refuse_without_card(domain)
        return self.mcp.extended(domain, off)

    async def intake(self, domain: str, given: Mapping[str, Any], requester: str) -> NewThread:
        """A thread of any domain, from the fields that its module asks for. Raises BadInput."""
        module = self._domain_module(domain)
        asked = asked_for(module.Asked, given, domain)
        choice = await self.choice()
        new: NewThread = await module.intake(self.settings, self.artifacts, choice.label, asked, requester)
        return new

    def _domain_module(self, name: str) -> ModuleType:
        domains = self.parts.domains
        if name not in domains:
            raise BadInput(f"There is no domain {name}; installed: {', '.join(domains)}.")
        return domains[name]()

    @property
    def gate(self) -> CedarGate:
        """The rules in force, read when they are first asked for. Raises BadInput with file, line and reason."""
        return self._gate()

    def authority(self, task_types: Collection[str]) -> Mapping[str, InForce]:
        """How far an agent goes alone with each task type, before anything is certified, and what holds it there."""
        return {name: level_in(self.settings.environment, self.settings.authority, name) for name in task_types}

    def limits(self, domain: str) -> Sequence[Limit]:
        """The limits of an agent: the usual ones, those of its card, those of this installation."""
        return changed(changed(LIMITS, self.domain(domain).card.limits), self.settings.limits)

    async def counts(self) -> dict[str, Any]:
        """server_version, threads, reviews (open)."""
        async with self.pool.connection() as connection:
            row = await (await connection.execute(query("counts"))).fetchone()
        return row or {}

    async def choice(self, model: str | None = None) -> ModelChoice:
        """The model in force, or the endpoint for `model`, which a thread was started with."""
        return await choose_model(model_settings(self.settings, model), {})

    async def ready(self, model: str) -> None:
        """Raises BadInput when what a run of a thread of `model` needs is not to be had: the model, the rules."""
        await self.choice(model)
        self._gate()

    def behaviour_versions(self, domain: str, choice: ModelChoice) -> dict[str, str]:
        return self.behaviours(domain, choice.parameters, offline=choice.kind == "offline")

    def behaviours(self, domain: str, parameters: Mapping[str, Any], *, offline: bool) -> dict[str, str]:
        """Task type -> behaviour version, with a model that is called with these parameters."""
        from runtime import versions

        measured = {**parameters, "embedding": self.novelty.embedder.name}
        return versions.behaviour_versions(self.domain(domain), measured, self.samples(offline=offline))

    def samples(self, *, offline: bool) -> Mapping[Risk, tuple[Way, ...]]:
        """Further samples of a decision; none of an algorithm, which always says the same."""
        return NONE if offline or self.settings.samples == "off" else WAYS

    def release(self, behaviours: Mapping[str, str]) -> str:
        from runtime import versions

        return versions.release(behaviours, self.gate.text + self.mcp.fingerprint)

    async def bind(self, thread: Mapping[str, Any], epoch: int) -> Bindings:
        """The ports of one run of `thread` under the lease `epoch`."""
        choice = await self.choice(thread["model"])
        self.domain(thread["domain"])
        module = self._domain_module(thread["domain"])
        off = await self.mcp.off(module.DOMAIN)
        domain = self.mcp.extended(module.DOMAIN, off)
        tools = register(domain.tools, {**self.mcp.adapters(module.DOMAIN), **module.adapters(self.settings)})
        novelty: Novelty = self.novelty
        apart = ""
        if is_stubbed(thread):
            tools, novelty, apart = stubbed(tools), Forgetful(novelty), thread["id"]
        limits, versions = self.limits(thread["domain"]), thread["behaviour_versions"]
        scorings = await ScoringStore(self.pool).of_versions(thread["tenant"], thread["environment"], versions)
        budgets = PostgresBudgets(self.pool, agent_of(thread["tenant"], thread["domain"]), limits)
        secrets = SecretStore(self.pool, lambda: cipher_for_secrets(self.settings))
        ledger = self.parts.ledger(self.pool, epoch, limits)
        earned = EarnedAuthorities(
            self.pool,
            thread["environment"],
            versions,
            self.settings.stages,
            self.settings.checkpoints,
        )
        return Bindings(
            domain=domain,
            model=self._model(choice, thread["domain"]),
            executor=LedgerExecutor(tools, ledger, self.artifacts, self.keeper, self.breakers, apart, secrets, budgets),
            artifacts=self.artifacts,
            approvals=self.reviews,
            novelty=novelty,
            history=self.reviews,
            outcomes=RunOutcomes(self.pool, thread["environment"], versions),
            memory=PostgresMemory(self.pool),
            gate=self.gate,
            environment=thread["environment"],
            authorities=BoundedAuthorities(
                earned, domain.name, thread["environment"], self.settings.authority, LockdownStore(self.pool)
            ),
            offline=choice.kind == "offline",
            new_id=lambda: uuid.uuid4().hex,
            budgets=budgets,
            limits=limits,
            samples=self.samples(offline=choice.kind == "offline"),
            scorings=scorings,
            off=off,
            postponed=thread["postponed"],
        )

    def _model(self, choice: ModelChoice, domain: str) -> Model:
        from runtime.chat_model import ChatModel

        known = (domain, choice.label)
        if known not in self._models:
            settings = model_settings(self.settings, choice.label)
            chat = build(choice, settings, self._domain_module(domain).offline_model)
            made_by = self.release(self.behaviour_versions(domain, choice))
            record = ModelCallStore(self.pool, made_by, domain, self.limits(domain))
            connection = connection_of(choice, settings)
            model = ChatModel(chat, choice.label, choice.parameters, record, connection, deadlines=self.keeper)
            self._models[known] = (chat, model)
        return self._models[known][1]

    async def close(self) -> None:
        self.keeper.close()
        await self.mcp.close()
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
        prices={label: (read / 1e6, write / 1e6) for label, (read, write) in given.prices.items()},
    )


@asynccontextmanager
async def open_application(settings: Settings, parts: Parts | None = None) -> AsyncIterator[Application]:
    """Start or reach the database, bring it up to date, and open what commands need."""
    parts = parts or Parts()
    mcp = open_mcp(settings.mcp)
    url = database_url(settings)
    database.migrate(url)
    async with database.open_pool(url) as pool:
        rules = RulesInForce(settings.policies, tuple(parts.domains))
        app = Application(
            settings,
            _with_cipher(parts, settings),
            url,
            pool,
            rules.gate,
            ThreadStore(pool),
            ReviewStore(pool),
            PostgresArtifacts(pool),
            past_tasks(settings),
            LeaseKeeper(url),
            PostgresJobs(pool, url),
            rules,
            mcp,
        )
        try:
            yield app
        finally:
            await app.close()


def _with_cipher(parts: Parts, settings: Settings) -> Parts:
    """Raises BadInput for a key that is none."""
    if settings.encryption_key is None:
        return parts
    from store.encryption import Cipher

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
