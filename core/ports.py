"""The doors to the world. Everything a node does outside its own arguments goes through one of these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from core.actions import Proposal, Ref, Score, SelfReport
from core.controls import Coin, Controls
from core.domain import PromptMessage
from core.errors import ToolError
from core.memory import Recall
from core.operations import Claim, OperationRequest
from core.people import Approver
from core.tools import ToolSpec
from core.vocabulary import OperationState, Risk, SpendUnit, Trust


@dataclass(frozen=True, slots=True)
class CallSite:
    """Where in a run a call is made: keys of the record of model calls and of events."""

    tenant: str
    thread_id: str
    task_id: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """The model's answer to an offer of tools."""

    action: str
    arguments: dict[str, Any]
    text: str
    model_call: str


class Model(Protocol):
    """A chat model. Raises ModelError; every call is recorded before its answer is used."""

    async def choose(
        self, site: CallSite, messages: Sequence[PromptMessage], tools: Sequence[ToolSpec], *, sample: bool = False
    ) -> ToolChoice:
        """Ask for exactly one call of one of `tools`. A `sample` is drawn warmer, to see whether it comes again."""
        ...

    async def report(self, site: CallSite, messages: Sequence[PromptMessage]) -> SelfReport:
        """Ask for a structured self-report."""
        ...


class Artifacts(Protocol):
    """Content by its SHA-256, stored once per tenant."""

    async def put(self, tenant: str, text: str, media: str, source: str, trust: Trust) -> Ref: ...

    async def read(self, tenant: str, sha256s: Sequence[str]) -> dict[str, str]:
        """The texts found; raises ToolError(missing_evidence) naming the first that is not."""
        ...


class Documents(Protocol):
    """Revisioned working documents of one thread, in our own Postgres, inside the operation's transaction."""

    async def save(self, name: str, ref: Ref) -> int:
        """Store a new revision; returns its number, from 1."""
        ...


class Secrets(Protocol):
    """What people entered for tools."""

    async def take(self, thread_id: str, tool: str, name: str) -> str | None:
        """The value, which is gone from the store then; None when there is none."""
        ...


class NoSecrets:
    """Secrets where nobody enters any."""

    async def take(self, thread_id: str, tool: str, name: str) -> str | None:
        return None


async def _no_secret(name: str) -> str:
    raise ToolError(f"{name} has to be entered by a person.", "missing_evidence", never_sent=True)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may use. `deadline` is seconds for the whole call."""

    site: CallSite
    task: Mapping[str, Any]
    results: Mapping[str, Ref]
    artifacts: Artifacts
    deadline: float
    operation_key: str = ""
    documents: Documents | None = None
    secret: Callable[[str], Awaitable[str]] = field(default=_no_secret, repr=False)
    """What a person entered for this tool under that name. It is the tool's alone: not the model's, and not the
    record's. Raises ToolError when nobody has; let it through, and a person is asked."""


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """A tool's result (checked against its schema by the executor) and further results it names."""

    result: dict[str, Any]
    also: Mapping[str, Ref] = field(default_factory=dict)
    trust: Trust = "trusted"
    source: str = ""
    summary: str = ""
    """One line for people: "9 of 10 read; crm-radar.example answers 403"."""


Tool = Callable[[Mapping[str, Any], ToolContext], Awaitable[ToolOutput]]
"""An adapter in tools/. Raises ToolError. A queryable one has `lookup` beside it."""
Lookup = Callable[[Mapping[str, Any], ToolContext], Awaitable[ToolOutput | None]]
"""Asks the far side what became of the call under `context.operation_key`; None: it did not happen."""


@dataclass(frozen=True, slots=True)
class Performed:
    """What became of an action: references for the state, and a line for people."""

    results: Mapping[str, Ref]
    summary: str
    attempts: int = 1
    replayed: bool = False
    """True when the ledger answered from its record: nothing ran again."""
    said: tuple[Mapping[str, Any], ...] = ()
    """Attempts that have no row in the ledger, as bodies of `tool_attempt` events."""


class Executor(Protocol):
    """Runs an allowed proposal through the ledger. Raises ToolError with a failure class.

    `gated`: only with a person's approval; `approved_as`: the role in which policy accepted theirs.
    """

    async def perform(
        self,
        site: CallSite,
        proposal: Proposal,
        task: Mapping[str, Any],
        results: Mapping[str, Ref],
        gated: bool,
        approved_as: str | None = None,
    ) -> Performed: ...


class LocalOperation(Protocol):
    """An operation whose effect is in our own Postgres: claim, effect and record commit together."""

    @property
    def claim(self) -> Claim: ...
    @property
    def artifacts(self) -> Artifacts: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def succeed(self) -> Callable[[Mapping[str, Any]], Awaitable[None]]: ...


class Ledger(Protocol):
    """Operations under idempotency keys; the table is in core/operations.py."""

    async def claim(self, request: OperationRequest) -> Claim:
        """Committed before anything is sent. Raises LeaseLost or ToolError."""
        ...

    async def settle(
        self, request: OperationRequest, claim: Claim, state: OperationState, outcome: Mapping[str, Any]
    ) -> None:
        """How an attempt ended; `started`: it is to be sent again. `outcome`: results and summary, or failure
        (class, message) and never_sent. Raises LeaseLost when the attempt is no longer the caller's."""
        ...

    async def resolve(self, request: OperationRequest, claim: Claim, found: Mapping[str, Any] | None) -> Claim:
        """What the far side said to a claim with `ask`: results and summary, or None. Raises LeaseLost."""
        ...

    def local(self, request: OperationRequest) -> AbstractAsyncContextManager[LocalOperation]: ...


class Budgets(Protocol):
    """What an agent may still use up. What a call that changes something takes is reserved by the ledger's claim."""

    async def exhausted(self, site: CallSite, amounts: Mapping[SpendUnit, int]) -> Mapping[str, str]:
        """Names of the limits that a call which takes `amounts` does not fit in -> that in words. Nothing is reserved,
        so the claim asks again. Rates are left out: they are waited for."""
        ...

    async def spend(self, request: OperationRequest) -> None:
        """What a call that only reads takes, before it is made. Raises ToolError (limit_reached, or rate_reached)."""
        ...


class Unlimited:
    """Budgets where nothing is counted."""

    async def exhausted(self, site: CallSite, amounts: Mapping[SpendUnit, int]) -> Mapping[str, str]:
        return {}

    async def spend(self, request: OperationRequest) -> None:
        return None


class Deadlines(Protocol):
    """Tells whoever watches this process that a call is under way, and for how long it may keep the loop silent."""

    def running(self, seconds: float) -> AbstractContextManager[None]:
        """While entered, an event loop that does not answer is not given up for `seconds` and the usual patience."""
        ...


class Unwatched:
    """Deadlines where nobody watches."""

    def running(self, seconds: float) -> AbstractContextManager[None]:
        return nullcontext()


class Authorities(Protocol):
    """How far an agent may go alone, and whether it may do anything at all."""

    async def in_force(self, site: CallSite, task_types: Collection[str]) -> Controls:
        """What holds now for those task types. What cannot be found out is observe."""
        ...


class Approvals(Protocol):
    """Decided reviews. The only proof that a person approved something."""

    async def approver(self, thread_id: str, proposal_hash: str) -> Approver | None:
        """Who approved exactly this proposal in this thread last, by an approval or an edit; or None."""
        ...


class Embedder(Protocol):
    """Texts as vectors. Blocking. `name` is shown, and tells indexes apart."""

    name: str

    def embed(self, text: str) -> list[float]:
        """Raises ToolError."""
        ...


class Novelty(Protocol):
    """Distance to past tasks of a type. Does not raise: what cannot be measured is new, and the reason is said."""

    async def nearest(self, tenant: str, task_type: str, situation: str) -> NoveltyReading: ...

    async def remember(self, tenant: str, task_type: str, key: str, situation: str) -> str:
        """Add or replace one past task. Returns why it could not be; empty when it was."""
        ...


UNUSABLE: Final = "the index of past tasks does not work"
"""How the note of a reading begins that could not be taken."""


@dataclass(frozen=True, slots=True)
class NoveltyReading:
    """`novelty` 0..1, 1 = nothing like it; `similar` past tasks compared; `note` says how it was measured.

    `nearest`: threads of the past tasks most like it, the most like it first.
    """

    novelty: float
    similar: int
    note: str
    nearest: tuple[str, ...] = ()


class Past(NamedTuple):
    """Past decisions of a type. `alike`: of the tasks most like this one, not of whatever was decided last."""

    changed: int
    decided: int
    alike: bool = False


@dataclass(frozen=True, slots=True)
class Scored:
    """A scored proposal that is about to run alone. `artifact`: SHA-256 of the whole proposal."""

    task_type: str
    proposal: str
    action_hash: str
    artifact: str
    score: Score
    era: int
    """Of the certificate it relies on."""
    risk: Risk


class Outcomes(Protocol):
    """The log of what became of scored proposals."""

    async def alone(self, site: CallSite, scored: Scored) -> Coin | None:
        """Enter what is about to run alone, with the audit coin drawn for it; the same proposal has one coin for good.

        None when what it relies on was taken back meanwhile: then a person is asked.
        """
        ...


class Memory(Protocol):
    """What is known of a tenant's world."""

    async def recall(self, site: CallSite, words: str) -> Recall:
        """What holds, and the passages that share most with `words`."""
        ...


class History(Protocol):
    """How often people changed the outcome of past tasks of a type."""

    async def changed(self, tenant: str, task_type: str, nearest: Sequence[str] = ()) -> Past:
        """How many were changed in substance, of those decided in all, in the threads `nearest`; without any of them,
        of the type's last ones."""
        ...
