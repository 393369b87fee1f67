"""The graph for `langgraph dev`: the same nodes over an in-memory world; nothing reaches a database or a folder.

Simulated here, and only here: artifacts and documents live in memory, `save_draft` and `publish_content` are stubs, and
an approval is taken from the second look at a proposal, because Studio answers interrupts without our reviews.
Input: {"task": {"keyword": "crm for startups"}}.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from core.actions import Proposal, Ref
from core.canonical import canonical_json, sha256
from core.controls import Coin
from core.errors import ToolError
from core.memory import Recall
from core.model_calls import ModelCall, Most
from core.people import Approver
from core.ports import CallSite, NoveltyReading, Past, Performed, Scored, Tool, ToolContext
from core.retries import POSTPONEMENTS
from core.state import Json, ThreadState
from core.vocabulary import Trust
from graph.build import GraphState, build
from nodes.bindings import Bindings
from policy.gate import load_gate
from runtime.authorities import EnvironmentAuthorities
from runtime.chat_model import ChatModel
from runtime.models import build as build_model
from runtime.models import choose_model, connection_of
from runtime.settings import read_settings
from runtime.wiring import model_settings
from tools.executor import with_values
from tools.registry import RegisteredTool, register
from tools.stubs import reaches_outside, stub


@dataclass(frozen=True, slots=True)
class MemoryArtifacts:
    """core.ports.Artifacts in memory."""

    content: dict[str, str] = field(default_factory=dict)

    async def put(self, tenant: str, text: str, media: str, source: str, trust: Trust) -> Ref:
        digest = sha256(text)
        self.content[f"{tenant}/{digest}"] = text
        return Ref(sha256=digest, media=media, source=source, trust=trust)

    async def read(self, tenant: str, sha256s: Sequence[str]) -> dict[str, str]:
        try:
            return {digest: self.content[f"{tenant}/{digest}"] for digest in sha256s}
        except KeyError as missing:
            raise ToolError(
                f"Artifact {missing} is gone: the in-memory world was restarted.", "missing_evidence"
            ) from None


@dataclass(frozen=True, slots=True)
class MemoryDocuments:
    """core.ports.Documents in memory: every save is the first."""

    async def save(self, name: str, ref: Ref) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class SecondLookApprovals:
    """core.ports.Approvals: the first look at a proposal finds no approval, the next one finds Studio's."""

    seen: set[tuple[str, str]] = field(default_factory=set)

    async def approver(self, thread_id: str, proposal_hash: str) -> Approver | None:
        looked_at = (thread_id, proposal_hash) in self.seen
        self.seen.add((thread_id, proposal_hash))
        return Approver("studio") if looked_at else None


@dataclass(frozen=True, slots=True)
class NothingKnown:
    """core.ports.Novelty, History, Outcomes and Memory without a past."""

    async def nearest(self, tenant: str, task_type: str, situation: str) -> NoveltyReading:
        return NoveltyReading(1.0, 0, "Studio keeps no past tasks")

    async def remember(self, tenant: str, task_type: str, key: str, situation: str) -> str:
        return "Studio keeps no past tasks"

    async def changed(self, tenant: str, task_type: str, nearest: Sequence[str] = ()) -> Past:
        return Past(0, 0)

    async def recall(self, site: CallSite, words: str) -> Recall:
        return Recall()

    async def alone(self, site: CallSite, scored: Scored) -> Coin | None:
        return None


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """core.model_calls.ModelCalls that keeps none: Studio has its own trace."""

    async def begin(self, call: str, site: CallSite, most: Most) -> None: ...

    async def record(self, call: ModelCall) -> None: ...


@dataclass(frozen=True, slots=True)
class StubbingExecutor:
    """core.ports.Executor without a ledger. What would change anything outside is a stub that says so."""

    tools: Mapping[str, RegisteredTool]
    artifacts: MemoryArtifacts

    async def perform(
        self,
        site: CallSite,
        proposal: Proposal,
        task: Mapping[str, Any],
        results: Mapping[str, Ref],
        gated: bool,
        approved_as: str | None = None,
    ) -> Performed:
        tool = self.tools[proposal.action]
        context = ToolContext(
            site, task, results, self.artifacts, tool.spec.timeout, proposal.hash, documents=MemoryDocuments()
        )
        sent = await with_values(proposal, site.tenant, self.artifacts)
        output = await (stub if reaches_outside(tool.spec) else tool.run)(sent.arguments, context)
        text = canonical_json(output.result)
        ref = await self.artifacts.put(site.tenant, text, "application/json", tool.spec.name, output.trust)
        return Performed({**output.also, tool.spec.produced_name(proposal.arguments): ref}, output.summary)


@cache
def _world() -> tuple[MemoryArtifacts, SecondLookApprovals]:
    """One for the process: the server makes the graph anew for each run."""
    return MemoryArtifacts(), SecondLookApprovals()


async def make_graph() -> CompiledStateGraph[GraphState, None, GraphState, GraphState]:
    """The graph that langgraph.json names. Blocking set-up runs in a thread: the server refuses it in its loop."""
    from runtime import seo

    settings = await asyncio.to_thread(read_settings)
    asked = model_settings(settings)
    choice = await choose_model(asked, {})
    artifacts, approvals = _world()
    chat = await asyncio.to_thread(build_model, choice, asked, seo.offline_model)
    adapters: dict[str, Tool] = dict(await asyncio.to_thread(seo.adapters, settings))
    nothing = NothingKnown()
    bound = Bindings(
        domain=seo.DOMAIN,
        model=ChatModel(chat, choice.label, choice.parameters, Unrecorded(), connection_of(choice, asked)),
        executor=StubbingExecutor(register(seo.DOMAIN.tools, adapters), artifacts),
        artifacts=artifacts,
        approvals=approvals,
        novelty=nothing,
        history=nothing,
        outcomes=nothing,
        memory=nothing,
        gate=await asyncio.to_thread(load_gate),
        environment="local",
        authorities=EnvironmentAuthorities(seo.DOMAIN.name, "local"),
        offline=choice.kind == "offline",
        new_id=lambda: uuid.uuid4().hex,
        postponed=len(POSTPONEMENTS),  # nobody here would take the thread up again
    )

    async def intake(state: ThreadState, runtime: Runtime[Any]) -> Json:
        profile = await asyncio.to_thread(seo.bundled_profile)
        task = state["task"]
        request = seo.Request(str(task.get("keyword", "")), str(task.get("locale", "en-US")), profile, None, "studio")
        new = await seo.prepare(settings, artifacts, choice.label, request)
        return {"task": dict(new.task), "results": {}, "counters": {}}

    return build(bound, intake).compile()
