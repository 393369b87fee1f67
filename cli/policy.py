"""policy check, test and explain: what the rules are, whether they do what is meant, and why a decision came out so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from cli.console import out, print_json, safe
from core.errors import BadInput
from core.events import ChainedEvent
from policy.cases import Tried, failures, never_fired, parse_cases, shipped_cases, tried
from policy.explain import Change, Explained, explain
from policy.facts import Facts
from policy.gate import CedarGate, load_gate
from policy.policy_set import folder_files, given, owners, parse, schema_text, shipped, together
from runtime.domain_rules import brought
from runtime.domain_rules import cases as domain_cases
from runtime.settings import Settings, read_settings
from runtime.wiring import DOMAINS


async def check(files: Sequence[Path], json: bool) -> int:
    """The files join the shipped rules and those in force, as they would at the next start."""
    policies = parse(_sources(read_settings(), files), schema_text(), owners(brought(DOMAINS)))
    if json:
        print_json([{"id": each.id, "effect": each.effect, "file": each.file, "line": each.line, "says": each.says}
                    for each in policies.rules])  # fmt: skip
        return 0
    _table(("rule", "does", "says", "where"), (
        (each.id, each.effect, each.says, f"{each.file}:{each.line}") for each in policies.rules
    ))  # fmt: skip
    out().print(f"{len(policies.rules)} rules, all usable.")
    return 0


async def test(file: Path | None, json: bool) -> int:
    gate = load_gate(read_settings().policies, brought(DOMAINS))
    ours = [*shipped_cases(), *domain_cases(DOMAINS)]
    cases = ours if file is None else parse_cases(_text(file), str(file))
    results = tried(gate, cases)
    # A table of one's own is about one's own rules: the shipped ones have their shipped cases.
    never = never_fired(gate, results if file is None else [*results, *tried(gate, ours)])
    wrong = failures(results)
    if json:
        print_json({"cases": len(results), "wrong": [_tried(each) for each in wrong], "never_fired": never})
    else:
        _table(("case", "comes to", ""), ((each.case.name, each.outcome, each.wrong) for each in wrong or results))
        for rule in never:
            out().print(safe(f"No case makes {rule} fire; it may be a rule that never can."))
        out().print(f"{len(results) - len(wrong)} of {len(results)} cases come out as they say.")
    return 1 if wrong or never else 0


async def explained(thread_id: str, step: int, json: bool) -> int:
    from runtime.wiring import open_application

    async with open_application(read_settings()) as app:
        thread = await app.threads.find(thread_id)
        said = _decision_at(await app.threads.timeline(thread["id"]), step)
        gate = app.gate
    if said["facts"] is None:
        raise BadInput(f"#{step} never reached the rules: {'; '.join(said['reasons'])}.")
    found = explain(gate, Facts.from_json(said["facts"]))
    if json:
        print_json(
            {
                "event": said,
                "now": found.decision.to_json(),
                "needs": [change_for_programs(each) for each in found.needs],
            }
        )
    else:
        _print_explained(gate, said, found)
    return 0


def _decision_at(events: Iterable[ChainedEvent], step: int) -> dict[str, Any]:
    decisions = {stored.seq: stored.body for stored in events if stored.kind == "policy_check"}
    if step not in decisions:
        listed = ", ".join(f"{seq} ({body['action']}: {body['outcome']})" for seq, body in decisions.items())
        raise BadInput(f"#{step} is no policy check of this thread. There are {listed or 'none yet'}.")
    if "facts" not in decisions[step]:
        raise BadInput(f"#{step} was recorded by an earlier release, without its facts.")
    return decisions[step]


def _print_explained(gate: CedarGate, said: dict[str, Any], found: Explained) -> None:
    by_hand = ", for a person to do" if said["by_hand"] else ""
    out().print(safe(f"{said['action']}: {said['outcome']}{by_hand}"), style="bold")
    rules = {rule.id: rule for rule in gate.policies.rules}
    for name, reason in zip(said["rules"], said["reasons"], strict=False):
        where = f"{rules[name].file}:{rules[name].line}" if name in rules else "no longer in force"
        out().print(safe(f"  {name} ({where}): {reason}"))
    if said["policies"] != gate.policies.hash[:16]:
        out().print(safe(f"The rules have changed since; today it would be {found.decision.outcome}."))
    _table(("fact", "was"), ((name, _word(value)) for name, value in Facts.from_json(said["facts"]).to_json().items()))
    if said["origins"]:
        _table(("argument", "comes from"), said["origins"].items())
    print_needs(found)


def print_needs(found: Explained) -> None:
    if not found.needs:
        passed = found.decision.outcome == "allow"
        out().print("It passed." if passed else "No change of a single fact would have made it pass.")
        return
    outcome = {"allow": "passed", "review": "gone to a person"}[found.needs[0].outcome]
    out().print(f"It would have {outcome} with any one of these:")
    for change in found.needs:
        out().print(safe(f"  {change.fact} {_word(change.instead)} instead of {_word(change.was)}"))


def _sources(settings: Settings, files: Sequence[Path]) -> dict[str, str]:
    own = {path.resolve(): path for path in (*folder_files(settings.policies), *files)}
    return shipped() | together(brought(DOMAINS)) | given(list(own.values()))


def _text(file: Path) -> str:
    return given([file])[str(file)]


def _tried(result: Tried) -> dict[str, str]:
    return {"case": result.case.name, "outcome": result.outcome, "wrong": result.wrong}


def change_for_programs(change: Change) -> dict[str, str]:
    return {"fact": change.fact, "was": _word(change.was), "instead": _word(change.instead), "outcome": change.outcome}


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset | list):
        return ", ".join(sorted(value)) or "none"
    return str(value)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(safe(cell) for cell in row))
    out().print(table)
