"""Hints may only tighten; a schema is checked and never followed anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import BadInput
from core.handles import trusted_pointers
from core.vocabulary import TIERS, Tier
from tools.mcp_registry import Contract, ToolEntry
from tools.mcp_review import difference, hints, spec_of, tier_of
from tools.mcp_schema import LARGEST, model_of, problem_of

FLAGS = st.sampled_from([True, False, None, "true", 1])
NAMES = ("readOnlyHint", "read_only_hint", "destructiveHint", "destructive_hint", "idempotentHint", "openWorldHint")
HINTS = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, FLAGS))
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"to": {"type": "string"}, "amount": {"type": "integer", "minimum": 1}},
    "required": ["to"],
    "additionalProperties": False,
}


def entry(**said: Any) -> ToolEntry:
    return ToolEntry.model_validate({"domains": ["refunds"], **said})


@given(HINTS, st.sampled_from(TIERS))
def test_no_hint_ever_loosens_what_the_registry_says(annotations: dict[str, Any], tier: Tier) -> None:
    assert TIERS.index(tier_of(entry(tier=tier), annotations)) >= TIERS.index(tier)
    assert tier_of(entry(), annotations) == "irreversible"


@pytest.mark.parametrize(
    ("annotations", "tier"),
    [
        ({}, "read-only"),
        ({"readOnlyHint": True}, "read-only"),
        ({"readOnlyHint": False}, "irreversible"),
        ({"read_only_hint": False}, "irreversible"),
        ({"readOnlyHint": False, "destructiveHint": False}, "reversible"),
        ({"read_only_hint": False, "destructive_hint": False}, "reversible"),
        ({"destructiveHint": True}, "irreversible"),
        ({"readOnlyHint": True, "read_only_hint": False}, "irreversible"),
        ({"readOnlyHint": "no"}, "read-only"),
    ],
)
def test_a_hint_that_is_stricter_than_the_registry_wins(annotations: dict[str, Any], tier: str) -> None:
    assert tier_of(entry(tier="read-only"), annotations) == tier


def test_both_ways_of_writing_a_hint_are_one() -> None:
    assert hints({"readOnlyHint": True, "open_world_hint": False}) == {"read_only_hint": True, "open_world_hint": False}


def test_what_the_registry_leaves_out_is_taken_at_its_worst() -> None:
    spec = spec_of("bank", "pay.now", entry(), Contract("Pays.", SCHEMA))
    assert (spec.name, spec.tier, spec.idempotency, spec.egress) == ("bank__pay_now", "irreversible", "unsafe", True)
    assert spec.control_arguments == {"to", "amount"} and spec.when_confirmed is not None
    assert spec.identity is None


def test_idempotent_counts_only_while_the_server_does_not_deny_it() -> None:
    said = entry(idempotent=True, identity=["to"])
    assert spec_of("bank", "pay", said, Contract("Pays.", SCHEMA)).idempotency == "idempotent"
    denied = Contract("Pays.", SCHEMA, None, {"idempotentHint": False})
    assert spec_of("bank", "pay", said, denied).idempotency == "unsafe"
    identity = spec_of("bank", "pay", said, denied).identity
    assert identity is not None and identity({"to": "a", "amount": 1}) == identity({"amount": 2, "to": "a"})


def test_control_arguments_that_the_tool_does_not_take_are_an_error() -> None:
    with pytest.raises(BadInput, match="names the arguments iban, which it does not take"):
        spec_of("bank", "pay", entry(control=["iban"]), Contract("Pays.", SCHEMA))


def test_arguments_are_checked_by_the_servers_schema_and_shown_as_it_is() -> None:
    model = model_of("pay", SCHEMA)
    assert model.model_validate({"to": "a", "amount": 3}).model_dump(mode="json") == {"to": "a", "amount": 3}
    assert model.model_json_schema() == SCHEMA
    for wrong in ({}, {"to": 3}, {"to": "a", "amount": 0}, {"to": "a", "more": 1}, []):
        with pytest.raises(ValidationError):
            model.model_validate(wrong)


def test_names_that_pydantic_uses_itself_are_arguments_like_any_other() -> None:
    names = ("model_dump", "model_config", "copy", "json", "schema", "_private", "__class__")
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    value = dict.fromkeys(names, "x")
    assert model_of("odd", schema).model_validate(value).model_dump(mode="json") == value


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "array"}, "not that of an object"),
        ("text", "not that of an object"),
        ({"type": "object", "properties": {"a": {"type": "sentence"}}}, "is not valid"),
        ({"type": "object", "properties": {"a": {"$ref": "https://evil.example/s.json"}}}, "outside of itself"),
        ({"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}, "outside of itself"),
        ({"type": "object", "description": "a" * LARGEST}, "longer than"),
    ],
)
def test_a_schema_that_lies_is_refused(schema: Any, problem: str) -> None:
    assert problem in str(problem_of(schema))


def test_a_reference_that_leads_nowhere_fits_nothing() -> None:
    model = model_of("odd", {"type": "object", "properties": {"a": {"$ref": "#/$defs/missing"}}})
    with pytest.raises(ValidationError, match="cannot be followed"):
        model.model_validate({"a": 1})


def test_a_server_cannot_declare_its_own_words_trusted() -> None:
    schema = {"type": "object", "properties": {"email": {"type": "string", "x-trusted": True}}, "x-trusted": True}
    assert trusted_pointers(schema) == {""}
    assert trusted_pointers(model_of("r", schema).model_json_schema()) == frozenset()


def test_a_difference_hides_no_character() -> None:
    shown = difference(Contract("Pays.", SCHEMA), Contract("Pays.\u202e\u200b\u2028", SCHEMA))
    assert "-description: Pays." in shown and "\\u202E\\u200B" in shown and shown.isascii()
    assert difference(Contract("Pays.", SCHEMA), Contract("Pays.", SCHEMA)) == ""
