"""What an agent proposes, what it is judged to be, and what comes of it. All frozen, all plain JSON when dumped."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.canonical import sha256
from core.vocabulary import Band, PolicyOutcome, Trust


class Value(BaseModel):
    """A frozen value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class Ref(Value):
    """A pointer to an artifact: content is stored once, state holds this."""

    sha256: str
    media: str = "application/json"
    trust: Trust = "untrusted"
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """Without what is as usual: a state holds many of these, and is stored again at each step."""
        return self.model_dump(mode="json", exclude_defaults=True)


class SelfReport(Value):
    """What the model says of its own proposal. `confidence` is 0..1, None when it gave none."""

    rationale: str = ""
    confidence: float | None = Field(default=None, ge=0, le=1)
    unresolved_assumptions: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class Proposal(Value):
    """One action the agent wants to take. An edit by a person is a new proposal with `parent_id`."""

    id: str
    action: str
    arguments: dict[str, Any]
    report: SelfReport = SelfReport()
    parent_id: str | None = None
    model_call: str | None = None
    samples: tuple[str, ...] = ()
    """Keys of further samples of the same decision, see escalation/samples.py."""

    @property
    def hash(self) -> str:
        """What an approval is bound to: the tool and its very arguments, nothing else."""
        return sha256({"action": self.action, "arguments": self.arguments})


class PolicyDecision(Value):
    outcome: PolicyOutcome
    reasons: tuple[str, ...]
    rules: tuple[str, ...] = ()
    invalid: bool = False
    """True when the proposal failed its schema or was not offered: the planner's mistake, not a rule."""
    by_hand: bool = False
    """With `review`: the call is prepared, and the person does it; approving does not make the tool do it."""


class Score(Value):
    """Escalation score: the three parts and their weighted mean, each 0..1 with 1 = ask a person."""

    low_confidence: float
    novelty: float
    historical_need: float
    total: float
    threshold: float | None
    """The score up to which the task type acts alone; None while nothing is certified."""
    band: Band
    reasons: tuple[str, ...]
