"""The state of a thread: references and plain JSON, so that threads outlive releases.

LangGraph stores a channel whole each time it changes, so every channel stays small; content is an artifact.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

Json = dict[str, Any]


class ThreadState(TypedDict, total=False):
    """Channels of the graph. Everything is JSON; see the keys of each in the node that writes it."""

    task: Json
    """Fixed at the start: domain, tenant, keyword, locale, profile (a Ref), model, requester."""
    results: dict[str, Json]
    """Name -> Ref of what tools have produced so far."""
    offered: list[str]
    """The tools the planner was offered in its last turn."""
    proposal: Json | None
    """The Proposal under consideration."""
    policy: Json | None
    """Its PolicyDecision."""
    escalation: Json | None
    """Its Score, when it is a decision point."""
    review: Json | None
    """What a person is asked, prepared by the node that asks; human_review only hands it over."""
    feedback: list[Json]
    """What the planner must be told: reasons for refusals and people's words, newest last."""
    counters: dict[str, int]
    """`steps` of the run, `attempts` since the last success."""
    rejected: list[str]
    """The first digits of the hashes of proposals that a person rejected."""
    declined: list[str]
    """Tools a person has finally said no to."""
    trust_tier: str
    """`tainted` once untrusted content has entered the thread, for good."""
    levels: dict[str, str]
    """Task type -> the level of authority it was last seen at."""
    proposed: list[str]
    """Marks of the last proposals, newest last: a loop is found by them."""
    ending: Json | None
    """Set once, by what ends the thread: status and reason."""
    events: list[Json]
    """What happened, for the event sink; graph/build.py gives it its channel."""
