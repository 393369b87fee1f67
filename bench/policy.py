"""One decision with its facts, and an offer of sixty tools, beside Cedar asked with policies as text."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

import cedarpy
from pydantic import BaseModel, ConfigDict

from bench.figures import Figure, Report, Target, at_most
from core.actions import Proposal
from core.handles import Origins, Source
from core.tools import ToolSpec
from core.vocabulary import TIERS
from policy.check import Approval, Situation, Standing, judge, offer
from policy.facts import typical
from policy.gate import CedarGate, load_gate

CALLS: Final = 3000
OFFERS: Final = 300
TOOLS: Final = 60
NEVER_SEEN: Final = "decision, facts never seen"
OFFERING: Final = "offering 60, nothing seen"
AS_TEXT: Final = "cedarpy with text, one question"
TARGETS: Final[Mapping[str, tuple[Target, Target | None]]] = {
    NEVER_SEEN: (at_most(150), at_most(500)),
    OFFERING: (at_most(3000), None),
}
"""Of the p50 and the p99."""


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")
    to: str
    text: str = ""


class Result(BaseModel):
    id: str


class Times(NamedTuple):
    """Microseconds."""

    p50: float
    p99: float


def spec(number: int) -> ToolSpec:
    """Every second tool reads, a third writes, a sixth is irreversible; one in four reaches somebody outside."""
    tier = TIERS[(0, 1, 0, 1, 0, 2)[number % 6]]
    return ToolSpec(
        f"tool_{number}", "t", Arguments, Result, tier, "idempotent", 1, 1.0, egress=number % 4 == 0,
        control_arguments=frozenset({"to"}), amount_limit=1000,
    )  # fmt: skip


SPECS: Final = {each.name: each for each in map(spec, range(TOOLS))}
SITUATION: Final = Situation("desk", "acme", "production", "execute", offline=False, certified=frozenset(SPECS))
PAGE: Final = Source("a" * 64, "untrusted", value={"mail": "eve@evil.example"})
ORIGINS: Final = Origins({"customer": "kim@acme.example"}, {}, {"page": PAGE})


def proposal(drawn: random.Random) -> Proposal:
    recipients: tuple[Any, ...] = ("kim@acme.example", "eve@evil.example", {"$ref": "page#/mail", "sha256": "a" * 64})
    arguments = {"to": drawn.choice(recipients), "text": f"{drawn.random()}"}
    return Proposal(id="p", action=drawn.choice(list(SPECS)), arguments=arguments)


def decision(gate: CedarGate, drawn: random.Random) -> Callable[[], object]:
    """One proposal through the whole check: handles, schema, facts, rules."""
    asked = proposal(drawn)
    approval = Approval("dana", "publisher", asked.hash, own=False) if drawn.random() < 0.1 else None
    standing = Standing(SPECS, (), approval, ORIGINS)
    situation = replace(SITUATION, lockdown=drawn.random() < 0.05)
    return lambda: judge(gate, asked, SPECS, situation, standing)


def as_text(gate: CedarGate, drawn: random.Random) -> Callable[[], object]:
    """The peer: one question over the same rules, parsed anew as cedarpy does when handed text."""
    rules = "\n".join(rule.text for rule in gate.policies.rules)
    context = typical(SPECS[drawn.choice(list(SPECS))], SITUATION).context()
    request = {"principal": 'Agent::"desk"', "action": 'Action::"call"', "resource": 'Tool::"t"', "context": context}
    return lambda: cedarpy.is_authorized(request, rules, [])


def timed(make: Callable[[], Callable[[], object]], calls: int) -> Times:
    """Each of `calls` freshly made calls once."""
    times = []
    for _ in range(calls):
        call = make()
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1e6)
    return Times(statistics.median(times), statistics.quantiles(times, n=100)[98])


def forgetting(gate: CedarGate) -> CedarGate:
    """The same rules, nothing answered yet: the first decision of a process."""
    return CedarGate(gate.policies)


def whole_forgotten(gate: CedarGate) -> CedarGate:
    """What each rule has come to is known; these facts together were never seen."""
    made = CedarGate(gate.policies)
    object.__setattr__(made, "truths", gate.truths)
    return made


class Share(NamedTuple):
    """Of all decisions of one run: answered as a whole from memory, put together from what is known of each rule, and
    put to Cedar."""

    whole: float
    by_rule: float
    asked: float


def shares(gate: CedarGate, drawn: random.Random, calls: int = CALLS) -> Share:
    """Over `calls` decisions by a process that has just started."""
    fresh, whole, asked = forgetting(gate), 0, 0
    real, counted = cedarpy.is_authorized, [0]

    def counting(*given: Any, **more: Any) -> Any:
        counted[0] += 1
        return real(*given, **more)

    cedarpy.is_authorized = counting
    try:
        for _ in range(calls):
            call, before, known = decision(fresh, drawn), counted[0], len(fresh._decisions)
            call()
            whole += len(fresh._decisions) == known
            asked += counted[0] > before
    finally:
        cedarpy.is_authorized = real
    return Share(whole / calls, 1 - (whole + asked) / calls, asked / calls)


def measure(seed: int = 1) -> dict[str, Times]:
    gate, drawn = load_gate(), random.Random(seed)  # noqa: S311  # a workload, not a secret
    candidates = tuple(SPECS)
    timed(lambda: decision(gate, drawn), OFFERS)  # the rules meet what there is
    return {
        NEVER_SEEN: timed(lambda: decision(whole_forgotten(gate), drawn), CALLS),
        "decision, as in a run": timed(lambda: decision(gate, drawn), CALLS),
        "first decision of a process": timed(lambda: decision(forgetting(gate), drawn), CALLS),
        OFFERING: timed(lambda: _offer(forgetting(gate), candidates), OFFERS),
        "offering 60, as in a run": timed(lambda: _offer(gate, candidates), OFFERS),
        AS_TEXT: timed(lambda: as_text(gate, drawn), OFFERS),
    }


def _offer(gate: CedarGate, candidates: tuple[str, ...]) -> Callable[[], object]:
    return lambda: offer(gate, candidates, SPECS, lambda task_type: SITUATION)


def figures(found: Mapping[str, Times]) -> list[Figure]:
    lines = []
    for name, times in found.items():
        middle, slow = TARGETS.get(name, (None, None))
        lines.append(Figure(f"{name}, p50", times.p50, "µs", middle))
        lines.append(Figure(f"{name}, p99", times.p99, "µs", slow))
    ratio = found[AS_TEXT].p50 / found["first decision of a process"].p50
    return [*lines, Figure("one question with text to one whole decision with parsed rules", ratio, "×")]


def report(found: Mapping[str, Times], share: Share) -> Report:
    return Report(
        "Policy: one decision",
        (
            f"One whole decision is handles, schema, facts and rules; {CALLS:,} decisions of each kind. Facts never "
            "seen: what each rule came to is known, these facts together are not. An offer is of sixty tools, "
            f"{OFFERS} times. The last is one question to cedarpy with the same rules as text.",
            f"Of {CALLS:,} decisions of a process that has just started, {share.whole:.1%} are remembered as a whole, "
            f"{share.by_rule:.1%} put together from what is known of each rule, {share.asked:.1%} put to Cedar.",
        ),
        tuple(figures(found)),
    )


def run() -> Report:
    return report(measure(), shares(load_gate(), random.Random(2)))  # noqa: S311  # a workload, not a secret
