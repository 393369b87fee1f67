"""The only node that talks to a model, in a superstep of its own: never in the same one as a tool call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from langgraph.runtime import Runtime

from core.actions import Proposal, Ref, SelfReport
from core.canonical import canonical_json, storable
from core.controls import Controls
from core.domain import Scope, View
from core.errors import ModelError
from core.events import event
from core.failures import FAILURES, classify
from core.handles import pinned
from core.memory import Recall
from core.ports import CallSite, ToolChoice
from core.reviews import blocker_request, lockdown_request
from core.state import Json, ThreadState
from core.tools import ToolSpec
from escalation.stages import may_ask
from nodes.bindings import Bindings
from nodes.levels import noticed
from nodes.origins import has_taint
from nodes.recalling import contradicted, held_back, kept, words_of
from nodes.sampling import drawn
from nodes.views import view_of
from policy.budgets import most_of
from policy.check import offer
from policy.limits import MAX_FEEDBACK, limit_reached, repeated
from policy.scope import refused

Node = Callable[[ThreadState, Runtime[Any]], Awaitable[Json]]
ASK_HUMAN: Final = "ask_human"
_CLEARED: Final[Json] = {"proposal": None, "policy": None, "escalation": None, "review": None}


def planner(bound: Bindings) -> Node:
    turn = _turn(bound)

    async def node(state: ThreadState, runtime: Runtime[Any]) -> Json:
        update = await turn(state, runtime)
        if not update.get("events") or not bound.off:
            return update
        off = sorted(bound.off)  # of which a replay must not make an offer either
        told = [item | {"body": item["body"] | {"off": off}} for item in update["events"]]
        return update | {"events": told}

    return node


def _turn(bound: Bindings) -> Node:
    async def node(state: ThreadState, runtime: Runtime[Any]) -> Json:
        counters, most = state.get("counters", {}), most_of(bound.limits)
        if (reached := limit_reached(counters, most)) is not None:
            return _blocked(state, "limit_reached", reached)
        if (declined := _declined(bound.domain.card.scope, state)) is not None:
            return declined
        view = await view_of(bound.artifacts, bound.domain.reads, state)
        site, tools, candidates = call_site(state, runtime), bound.domain.tools, bound.domain.next_actions(view)
        controls = await bound.authorities.in_force(
            site, {tools[name].task_type for name in candidates if name in tools}
        )
        situation = partial(bound.situation, site.tenant, controls, tainted=has_taint(bound, state))
        permitted = offer(bound.gate, candidates, tools, situation)
        offered = _without_questions(permitted, tools, controls)
        if controls.lockdown and candidates and not set(offered) - {ASK_HUMAN}:
            return _locked_down(controls)
        if (held := held_back(candidates, permitted, tools, controls)) is not None:
            return {**_CLEARED, **held}
        if not offered:
            return _nothing_left(candidates, controls)
        recall = Recall() if _only(offered, tools) else await bound.memory.recall(site, words_of(view.task))
        if recall.conflict is not None:
            return {**_CLEARED, **contradicted(recall.conflict, await kept(bound.artifacts, site.tenant, recall))}
        counters = {**counters, "steps": counters.get("steps", 0) + 1}
        seen = noticed(state, controls)
        update: Json = {**_CLEARED, **seen, "offered": list(offered), "counters": counters}
        if recall.untrusted:
            update["trust_tier"] = "tainted"
        stood = {"offered": list(offered), "controls": controls.to_json()}
        if (memory := await kept(bound.artifacts, site.tenant, recall)) is not None:
            stood["memory"] = memory
        try:
            proposal = await _propose(bound, site, view, offered, recall)
        except ModelError as error:
            failed = _without_proposal(state, counters, error, stood)
            return update | failed | {"events": [*seen["events"], *failed["events"]]}
        said = proposal.to_json()
        stored = await bound.artifacts.put(
            state["task"]["tenant"], canonical_json(said), "application/json", "planner", "model"
        )
        marks, loops = repeated(state.get("proposed", ()), proposal.hash, state.get("results", {}), most["repeats"])
        update |= {"proposed": marks, "events": [*seen["events"], _decision(proposal, stored, stood)]}
        return _looping(state, update, proposal) if loops else update | {"proposal": said}

    return node


def _nothing_left(candidates: Sequence[str], controls: Controls) -> Json:
    """The end. That something was left to do, and might not be offered, is an observation with what held it back."""
    ended: Json = {**_CLEARED, "offered": [], "ending": {"status": "done", "reason": "every step is done"}}
    if not candidates:
        return ended
    why = f"{', '.join(candidates)} may not be offered now"
    said = event("observation", what="nothing is offered", why=why, controls=controls.to_json())
    return ended | {"events": [said]}


def _only(offered: Sequence[str], tools: Mapping[str, ToolSpec]) -> bool:
    """One step is possible and it leaves nothing to say: asking a model would only cost."""
    return len(offered) == 1 and not tools[offered[0]].model_schema()["required"]


def _without_questions(offered: Sequence[str], tools: Mapping[str, ToolSpec], controls: Controls) -> Sequence[str]:
    """A question to a person is offered only where the stage of the next step has it."""
    asking = not offered or may_ask(controls.of(tools[offered[0]].task_type).stage)
    return offered if asking else [name for name in offered if name != ASK_HUMAN]


def _without_proposal(state: ThreadState, counters: Mapping[str, int], error: ModelError, stood: Json) -> Json:
    """What a failed model call comes to. Raises it again when whoever runs the thread has to deal with it."""
    match FAILURES[classify(error)].response:
        case "replan":
            return _unusable(state, counters, error, stood)
        case "person":
            return _blocked(state, error.failure_class, str(error), error.limits)
        case _:
            raise error


def _looping(state: ThreadState, update: Json, proposal: Proposal) -> Json:
    """The proposal is written down, and not made: a person gets it out of the way."""
    message = f"The same {proposal.action} was proposed again and again, and nothing has changed."
    blocked = _blocked(state, "loop", message)
    return {**update, **blocked, "events": [*update["events"], *blocked["events"]]}


def _locked_down(controls: Controls) -> Json:
    """Only lockdown is in the way: the thread waits, and goes on by itself when it is lifted."""
    asked = lockdown_request(controls.lockdown, None)
    message = asked["why"][0]
    said = event("failure", **{"class": "policy_violation"}, message=message, controls=controls.to_json())
    return {**_CLEARED, "review": asked, "events": [said]}


def _decision(proposal: Proposal, stored: Ref, stood: Json) -> Json:
    """`stood`: what was offered, how far the agent might go alone, and what was recalled."""
    return event(
        "decision",
        action=proposal.action,
        proposal=proposal.id,
        action_hash=proposal.hash,
        artifact=stored.sha256,
        model_call=proposal.model_call,
        confidence=proposal.report.confidence,
        samples=list(proposal.samples),
        **stood,
    )


def call_site(state: ThreadState, runtime: Runtime[Any]) -> CallSite:
    """Where a node's calls are made, for their records."""
    info = runtime.execution_info
    if info is None or info.thread_id is None:
        return CallSite(state["task"]["tenant"], "", "")
    return CallSite(state["task"]["tenant"], info.thread_id, info.task_id, info.node_attempt)


async def _propose(bound: Bindings, site: CallSite, view: View, offered: Sequence[str], recall: Recall) -> Proposal:
    tools = bound.domain.tools
    only = tools[offered[0]]
    if _only(offered, tools):
        report = SelfReport(rationale="It is the only step possible.", confidence=1.0)
        return Proposal(id=bound.new_id(), action=only.name, arguments=_bind(only, {}, view), report=report)
    messages = [*bound.domain.messages(view, offered), *recall.messages()]
    specs = [tools[name] for name in offered]
    choice: ToolChoice = await bound.model.choose(site, messages, specs)
    arguments, spec = partial(_arguments, tools, view), tools.get(choice.action)
    proposal = Proposal(
        id=bound.new_id(), action=choice.action, arguments=arguments(choice), model_call=choice.model_call
    )
    if spec is None or not spec.decision_point:
        return proposal
    report = await bound.model.report(site, [*messages, *bound.domain.report_messages(proposal)])
    samples = await drawn(bound, site, messages, specs, spec, arguments)
    return proposal.model_copy(update={"report": report, "samples": samples})


def _arguments(tools: Mapping[str, ToolSpec], view: View, choice: ToolChoice) -> Json:
    """Of a choice, as its proposal has them: handles pinned, and what the model never writes filled in."""
    spec = tools.get(choice.action)
    said = pinned(choice.arguments, {**view.hashes, **_profile(view.task)})
    plain: Json = storable(_bind(spec, said, view) if spec else said)
    return plain


def _profile(task: Mapping[str, Any]) -> dict[str, str]:
    profile = task.get("profile")
    return {"profile": profile["sha256"]} if isinstance(profile, Mapping) else {}


def _bind(spec: ToolSpec, arguments: Mapping[str, Any], view: View) -> Json:
    """The model's arguments with the bound ones filled in from the task and from earlier results; theirs win."""
    bound_arguments = {name: _bound_value(source, view) for name, source in spec.bindings.items()}
    return {**arguments, **bound_arguments}


def _bound_value(source: str, view: View) -> Any:
    kind, _, name = source.partition(":")
    return view.hashes.get(name) if kind == "result" else view.task.get(name)


def _unusable(state: ThreadState, counters: Mapping[str, int], error: ModelError, stood: Json) -> Json:
    item = {"kind": "invalid", "action": "", "reasons": [str(error)], "message": str(error)}
    failure = event("failure", **{"class": classify(error)}, message=str(error), model_call=error.model_call, **stood)
    return {
        "counters": {**counters, "attempts": counters.get("attempts", 0) + 1},
        "feedback": [*state.get("feedback", []), item][-MAX_FEEDBACK:],
        "events": [failure],
    }


def _declined(scope: Scope, state: ThreadState) -> Json | None:
    """A request that the mandate leaves to people goes to one at once; after their answer the work goes on."""
    refusal = None if state.get("feedback") or state.get("counters") else refused(scope, state["task"])
    if refusal is None:
        return None
    message = f"{scope.decline} ({refusal.what})"
    asked = blocker_request("planner", "policy_violation", message, None)
    said = event("failure", **{"class": "policy_violation"}, message=message)
    return {**_CLEARED, "review": asked, "events": [said, declined(message)]}


def declined(message: str) -> Json:
    """What whoever asked is told, in the record of the thread."""
    return event("observation", what="declined, and left to a person", why=f"told: {message}")


def _blocked(state: ThreadState, failure_class: str, reached: str, limits: Sequence[Mapping[str, Any]] = ()) -> Json:
    """A person decides whether the run goes on. `limits`: rows of which handing back allows as much again."""
    last = next((str(item["message"]) for item in reversed(state.get("feedback", [])) if item.get("message")), "")
    message = f"{reached} The last reason: {last}" if last else reached
    asked = blocker_request("planner", failure_class, message, None)
    if limits:
        again = "hand_back allows as much again and lets the agent go on, with your message; abandon stops the thread."
        asked |= {"limits": [dict(row) for row in limits], "approving_will": again}
    return {**_CLEARED, "review": asked, "events": [event("failure", **{"class": failure_class}, message=message)]}
