from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import BadInput
from policy.cases import ORDINARY
from policy.gate import CedarGate
from policy.lint import PolicyFileError
from policy.policy_set import PolicySet, load, parse, reloaded, schema_text, shipped
from policy.statements import statements

ANY = "permit (principal, action, resource)"
NEVER = '@id("a") @says("x") forbid (principal, action, resource)'


def parsed(text: str) -> PolicySet:
    return parse({"acme.cedar": text}, schema_text())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("permit (principal", "acme.cedar:1: the rule cannot be read: .*; a rule ends with a semicolon"),
        (f"// one\n\n{NEVER};\n{NEVER} when {{ nonsense }};", "acme.cedar:4: the rule cannot be read"),
        (f'\n{NEVER} when {{ context.colour == "red" }};', "acme.cedar:2: .*`colour` in context .* not found"),
        (f"{NEVER} when {{ context.tier == 3 }};", "acme.cedar:1: the rule does not fit the schema"),
        (f'{NEVER} when {{ context.tier == "dangerous" }};', 'compares tier with "dangerous"; it knows read-only'),
        (f'{NEVER} when {{ ["agent", "boss"].contains(context.role) }};', 'compares role with "boss"'),
        (f'{NEVER} when {{ context.control.contains("hearsay") }};', 'compares control with "hearsay"'),
        ('@id("a") forbid (principal, action, resource);', "the rule needs @says"),
        (f'@says("x") {ANY};', "the rule needs @id"),
        ('@id("a") @says(" ") forbid (principal, action, resource);', "the rule needs @says"),
        (f"{NEVER};\n{NEVER};", "acme.cedar:2: the id a is used twice; the other is acme.cedar:1"),
        (f'@id("a") @says("x") {ANY};', "acme.cedar:1: the rule a permits everything"),
        (f'@id("a") @says("x") {ANY} when {{ true }};', "permits everything"),
        (f'@id("a") @says("x") {ANY} when {{ context.cost >= 0 || context.approved }};', "permits everything"),
        (f'@id("a") @says("x") {ANY} unless {{ context.tenant == "nobody" }};', "permits everything"),
        ('@id("a") @says("x") permit (principal == ?principal, action, resource);', "templates are not used"),
    ],
)
def test_an_unusable_file_is_refused_with_file_line_and_reason(text: str, reason: str) -> None:
    with pytest.raises(PolicyFileError, match=reason) as raised:
        parsed(text)
    assert raised.value.exit_code == 2


def test_a_broken_schema_is_refused() -> None:
    with pytest.raises(PolicyFileError, match="schema.cedarschema:1: it cannot be read"):
        parse({}, "entity")


def test_an_id_is_unique_over_all_files() -> None:
    with pytest.raises(PolicyFileError, match="b.cedar:1: the id a is used twice; the other is a.cedar:1"):
        parse({"a.cedar": f"{NEVER};", "b.cedar": f"{NEVER};"}, schema_text())


def test_semicolons_in_texts_and_comments_end_no_rule() -> None:
    text = '// no; not here\n@id("a") @says("one; two \\"; three") forbid (principal, action, resource); // end;\n\n x'
    assert [(each.line, each.ended) for each in statements(text)] == [(2, True), (4, False)]


def test_rules_of_the_installation_join_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "acme.cedar").write_text(
        '@id("acme-no-mail") @says("we send no mail") forbid (principal, action, resource == Tool::"send_mail");'
    )
    gate = CedarGate(load(tmp_path))
    assert gate.decide(replace(ORDINARY, tool="send_mail")).reasons == ("we send no mail",)
    assert gate.decide(replace(ORDINARY, tool="read_mail")).outcome == "allow"


def test_a_rule_that_sees_the_whole_context_sees_every_fact() -> None:
    strict = f'{NEVER} unless {{ context == context && context.tenant == "acme" }};'
    gate = CedarGate(parse(shipped() | {"acme.cedar": strict}, schema_text()))
    assert gate.decide(ORDINARY).outcome == "allow"
    assert gate.decide(replace(ORDINARY, tenant="other")).outcome == "deny"


def test_a_reload_that_fails_keeps_the_last_good_set(tmp_path: Path) -> None:
    good = load(tmp_path)
    (tmp_path / "acme.cedar").write_text(f"{NEVER} when {{ nonsense }};")
    kept, why = reloaded(good, lambda: load(tmp_path))
    assert kept is good and "acme.cedar:1" in why
    (tmp_path / "acme.cedar").write_text(f"{NEVER};")
    taken, why = reloaded(good, lambda: load(tmp_path))
    assert len(taken.rules) == len(good.rules) + 1 and not why and taken.hash != good.hash


@pytest.mark.parametrize(("name", "reason"), [("missing", "is no folder"), ("binary", "it is not UTF-8")])
def test_a_folder_that_cannot_be_read_is_bad_input(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "binary").mkdir()
    (tmp_path / "binary" / "x.cedar").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match=reason):
        load(tmp_path / name)
