"""Where the arguments of a proposal can have come from: reads only what its handles and literals call for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from core.actions import Proposal, Ref
from core.handles import BadHandle, Origins, Source, filled, handles, trusted_pointers
from core.ports import Artifacts
from core.state import ThreadState
from core.tools import ToolSpec
from nodes.bindings import Bindings

PROFILE = "profile"


async def origins_of(bound: Bindings, state: ThreadState, proposal: Proposal) -> Origins:
    """The Origins of one proposal. Raises ToolError(missing_evidence) when an artifact is gone."""
    refs = references(state)
    spec = bound.domain.tools.get(proposal.action)
    reads = _named(proposal.arguments) | ({PROFILE} if spec and spec.reads_profile else set())
    wanted = {name: refs[name].sha256 for name in reads if name in refs}
    texts = await bound.artifacts.read(state["task"]["tenant"], list(wanted.values())) if wanted else {}
    values = {name: json.loads(texts[digest]) for name, digest in wanted.items()}
    sources = {
        name: Source(ref.sha256, ref.trust, _trusted(name, bound.domain.tools), values.get(name))
        for name, ref in refs.items()
    }
    return Origins(state["task"], values.get(PROFILE) or {}, sources, bound.domain.card.scope.outside)


def has_taint(bound: Bindings, state: ThreadState) -> bool:
    """Whether anything untrusted has entered the thread, by the labels alone."""
    if state.get("trust_tier") == "tainted" or bound.domain.card.scope.outside & set(state["task"]):
        return True
    return any(ref.trust == "untrusted" for ref in references(state).values())


async def shown(artifacts: Artifacts, state: ThreadState, proposal: Proposal) -> Proposal:
    """`proposal` as a person is shown it: its pinned handles filled in."""
    pins = {handle.sha256 for handle in handles(proposal.arguments) if handle.sha256}
    if not pins:
        return proposal
    texts = await artifacts.read(state["task"]["tenant"], sorted(pins))
    return proposal.model_copy(update={"arguments": filled(proposal.arguments, texts)})


def references(state: ThreadState) -> dict[str, Ref]:
    """What a handle can name: the results so far, and the profile."""
    refs = {name: Ref.model_validate(ref) for name, ref in state.get("results", {}).items()}
    profile = state["task"].get(PROFILE)
    if isinstance(profile, Mapping):
        refs[PROFILE] = Ref.model_validate(profile).model_copy(update={"trust": "profile"})
    return refs


def _named(arguments: Mapping[str, Any]) -> set[str]:
    try:
        return {handle.name for handle in handles(arguments)}
    except BadHandle:
        return set()  # the check says what is wrong with it


def maker(name: str, tools: Mapping[str, ToolSpec]) -> ToolSpec | None:
    """The tool that makes the result `name`."""
    for spec in tools.values():
        made = spec.produces or spec.name
        begins, several, _ = made.partition("{")
        if name == made or (several and name.startswith(begins)):
            return spec
    return None


def _trusted(name: str, tools: Mapping[str, ToolSpec]) -> frozenset[str]:
    """The fields of the result `name` that the tool which makes it declares as trusted."""
    spec = maker(name, tools)
    return _pointers(spec.result) if spec else frozenset()


@cache
def _pointers(result: type[BaseModel]) -> frozenset[str]:
    return trusted_pointers(result.model_json_schema())
