"""What a person changes: the arguments of a proposal, or the state that a copy of a thread begins with. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.actions import Proposal
from core.domain import Domain
from core.errors import BadInput
from core.state import Json
from core.tools import ToolSpec
from policy.check import schema_problems
from policy.limits import MAX_FEEDBACK


def edited_arguments(
    spec: ToolSpec, proposed: Mapping[str, Any], given: Mapping[str, Any], rewritten: Mapping[str, str] = {}
) -> Json:
    """`proposed` with the person's arguments over them, checked. `rewritten`: argument that names a text -> the hash of
    the person's version of it, which alone takes the place of what is bound. Raises BadInput."""
    for name in spec.bindings:
        if name in given and given[name] != proposed.get(name):
            raise BadInput(f"{name} is set by the system and cannot be edited.")
    final = {**proposed, **given, **rewritten}
    if final == proposed:
        raise BadInput("The edit changes nothing.")
    if problems := schema_problems(spec, final):
        raise BadInput(f"The edit does not fit {spec.name}: {'; '.join(problems)}")
    return final


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ProposalEdit(_Part):
    """Arguments are merged over those proposed."""

    arguments: dict[str, Any]


class Told(_Part):
    """One thing the planner is told, in a person's words."""

    kind: Literal["answer", "rejected", "handed_back"] = "answer"
    action: str = ""
    message: str = Field(min_length=1, max_length=4000)


class StateEdit(_Part):
    """A JSON merge over what may be edited of a state. What policy, score and people said is found out anew, and where
    content came from cannot be edited."""

    proposal: ProposalEdit | None = None
    """null: the planner proposes anew."""
    results: dict[str, None] = Field(default_factory=dict)
    """Name -> null: it is made again."""
    feedback: Annotated[list[Told] | None, Field(max_length=MAX_FEEDBACK)] = None
    declined: list[str] | None = None
    counters: dict[Literal["steps", "attempts"], Annotated[int, Field(ge=0)]] = Field(default_factory=dict)


def parsed_edit(given: Mapping[str, Any]) -> StateEdit:
    """Raises BadInput naming the part and what is wrong with it."""
    try:
        return StateEdit.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        editable = ", ".join(StateEdit.model_fields)
        raise BadInput(f"The edit is refused at {where}: {first['msg']}. What can be edited: {editable}.") from None


def edited_state(domain: Domain, state: Mapping[str, Any], edit: StateEdit, proposal_id: str) -> Json:
    """`state` with the edit merged over it. Raises BadInput."""
    given = edit.model_fields_set
    update: Json = {**state}
    if unknown := sorted(edit.results.keys() - state.get("results", {}).keys()):
        raise BadInput(f"The state has no result {unknown[0]}; it has {', '.join(state.get('results', {})) or 'none'}.")
    update["results"] = {name: ref for name, ref in state.get("results", {}).items() if name not in edit.results}
    update["counters"] = {**state.get("counters", {}), **edit.counters}
    if "feedback" in given:
        update["feedback"] = [{**each.model_dump(), "reasons": [each.message]} for each in edit.feedback or ()]
    if "declined" in given:
        update["declined"] = _tools(domain, edit.declined or [])
    if "proposal" in given:
        update["proposal"] = _proposal(domain, state.get("proposal"), edit.proposal, proposal_id)
    return update


def _proposal(
    domain: Domain, proposed: Mapping[str, Any] | None, edit: ProposalEdit | None, proposal_id: str
) -> Json | None:
    if edit is None:
        return None
    if proposed is None:
        raise BadInput("Nothing is proposed at that checkpoint; take one after the planner, or edit something else.")
    before = Proposal.model_validate(proposed)
    final = edited_arguments(domain.tools[before.action], before.arguments, edit.arguments)
    return Proposal(id=proposal_id, action=before.action, arguments=final, parent_id=before.id).to_json()


def _tools(domain: Domain, names: list[str]) -> list[str]:
    for name in names:
        if name not in domain.tools:
            raise BadInput(f"There is no tool {name}; there are {', '.join(domain.tools)}.")
    return names
