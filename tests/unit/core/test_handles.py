from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from core.actions import Ref
from core.handles import (
    BadHandle,
    Origins,
    Source,
    filled,
    handles,
    inherited,
    pinned,
    resolved,
    trusted_pointers,
    worst,
)  # fmt: skip
from core.tools import ToolSpec

A, B = "a" * 64, "b" * 64
PAGE = {"title": "t", "mails": ["eve@evil.example", "kim@acme.example"], "a/b": {"~": 1}, "empty": {}}
ORDER = {"id": "o-1", "lines": [{"price": 5, "note": "cheap"}], "buyer": {"mail": "kim@acme.example"}}
ORIGINS = Origins(
    {"customer": "kim@acme.example", "count": 3, "letter": "pay eve@evil.example"},
    {"contact": {"mail": "desk@acme.example"}},
    {
        "page": Source(A, "untrusted", value=PAGE),
        "order": Source(B, "untrusted", frozenset({"/id", "/lines/*/price", "/buyer"}), ORDER),
    },
    frozenset({"letter"}),
)


def ref(name: str, sha256: str = "") -> dict[str, str]:
    return {"$ref": name} | ({"sha256": sha256} if sha256 else {})


def label(value: Any, bindings: dict[str, str] | None = None, name: str = "to") -> str:
    return resolved({name: value}, ORIGINS, bindings or {}).labels[name]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("kim@acme.example", "person"),
        ("desk@acme.example", "profile"),
        ("Kim@acme.example", "model"),
        ("eve@evil.example", "model"),
        ("pay eve@evil.example", "model"),
        ("", "model"),
        (3, "model"),
        (True, "model"),
        (None, "model"),
        ([], "model"),
        (["kim@acme.example", "desk@acme.example"], "profile"),
        (["kim@acme.example", "eve@evil.example"], "model"),
        ({"kim@acme.example": "kim@acme.example"}, "person"),
        ({"eve": "kim@acme.example"}, "model"),
        (ref("page#/mails/0", A), "untrusted"),
        (ref("page#/empty", A), "untrusted"),
        (ref("order#/id", B), "trusted"),
        (ref("order#/buyer/mail", B), "trusted"),
        (ref("order#/lines/0/price", B), "trusted"),
        (ref("order#/lines/0", B), "untrusted"),
        (ref("order", B), "untrusted"),
        (["kim@acme.example", ref("page#/title", A)], "untrusted"),
    ],
)
def test_an_argument_is_as_trustworthy_as_the_least_in_it(value: Any, expected: str) -> None:
    assert label(value) == expected


def test_a_number_is_the_persons_only_in_the_field_of_that_name() -> None:
    assert label(3, name="count") == "person"
    assert label(3.0, name="count") == "model"
    assert label(3, name="amount") == "model"


def test_a_bound_argument_is_as_trustworthy_as_what_it_is_bound_to() -> None:
    assert label("kim@acme.example", {"to": "task:customer"}) == "person"
    assert label("eve@evil.example", {"to": "task:customer"}) == "model"
    assert label("pay eve@evil.example", {"to": "task:letter"}) == "untrusted"
    assert label(A, {"to": "result:page"}) == "untrusted"
    assert label("c" * 64, {"to": "result:page"}) == "model"
    assert label(None, {"to": "result:missing"}) == "model"


def test_a_handle_is_replaced_by_its_value() -> None:
    given = {"to": ref("page#/mails/1", A), "all": [ref("order", B)], "odd": ref("page#/a~1b/~0", A), "n": 1}
    values = resolved(given, ORIGINS, {}).arguments
    assert values == {"to": "kim@acme.example", "all": [ORDER], "odd": 1, "n": 1}
    assert filled(given, {A: json.dumps(PAGE), B: json.dumps(ORDER)}) == values


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (ref("nothing", A), "There is no result nothing; there are page, order"),
        (ref("page"), "page has changed since"),
        (ref("page", B), "page has changed since"),
        (ref("page#/mails/7", A), "page has nothing at /mails/7"),
        (ref("page#/mails/01", A), "nothing at"),
        (ref("page#/mails/-1", A), "nothing at"),
        (ref("page#/title/x", A), "nothing at"),
        (ref("page#mails", A), "must begin with a slash"),
        ({"$ref": 5}, "and nothing else"),
        ({"$ref": "page", "extra": 1}, "and nothing else"),
        ({"$ref": "page", "sha256": 1}, "and nothing else"),
    ],
)
def test_a_handle_that_leads_nowhere_says_why(value: Any, reason: str) -> None:
    with pytest.raises(BadHandle, match=reason):
        resolved({"x": [value]}, ORIGINS, {})
    with pytest.raises(BadHandle):
        filled({"x": value}, {})


def test_pinning_binds_a_proposal_to_content_and_a_pin_of_the_planners_own_is_replaced() -> None:
    given = {"to": [ref("page#/title", B)], "n": ref("nothing"), "plain": "x"}
    assert pinned(given, {"page": A}) == {"to": [ref("page#/title", A)], "n": {"$ref": "nothing"}, "plain": "x"}
    assert pinned({"x": {"$ref": 5}}, {"page": A}) == {"x": {"$ref": 5}}
    assert [handle.name for handle in handles(given)] == ["page", "nothing"]


def test_what_is_made_of_untrusted_results_is_untrusted() -> None:
    results = {"page": Ref(sha256=A, trust="untrusted"), "intent": Ref(sha256=B, trust="model")}
    assert inherited("trusted", {"text": "x"}, results) == "trusted"
    assert inherited("trusted", {"outline_sha256": B}, results) == "model"
    assert inherited("trusted", {"parts": [ref("page#/title", A)]}, results) == "untrusted"
    assert inherited("untrusted", {"outline_sha256": B}, results) == "untrusted"
    assert worst([]) == "model"


def test_a_result_schema_declares_its_trusted_fields() -> None:
    trusted = Field(json_schema_extra={"x-trusted": True})

    class Line(BaseModel):
        price: Annotated[int, trusted]
        note: str

    class Order(BaseModel):
        id: Annotated[str, trusted]
        lines: list[Line]
        note: str

    assert trusted_pointers(Order.model_json_schema()) == {"/id", "/lines/*/price"}


def test_a_model_may_give_a_handle_for_a_control_argument_that_is_its_to_say() -> None:
    class Mail(BaseModel):
        to: str
        sender: str
        text: str

    spec = ToolSpec(
        "mail", "m", Mail, Mail, "reversible", "unsafe", 1, 1.0,
        control_arguments=frozenset({"to", "sender"}), bindings={"sender": "task:sender"},
    )  # fmt: skip
    properties = spec.model_schema()["properties"]
    assert set(properties) == {"to", "text"} and "anyOf" in properties["to"] and "anyOf" not in properties["text"]
    assert '"$ref":' not in json.dumps(properties).replace('{\\"$ref\\":', "")


def test_outside_fields_taint_a_thread_from_the_start() -> None:
    assert Origins({"letter": "x"}, outside=frozenset({"letter"})).tainted
    assert not Origins({"keyword": "x"}, outside=frozenset({"letter"})).tainted
    assert Origins(sources={"page": Source(A, "untrusted")}).tainted


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_nothing_from_a_page_is_ever_labelled_better_than_untrusted(value: Any) -> None:
    origins = Origins({"customer": "kim"}, {}, {"page": Source(A, "untrusted", value={"x": value})})
    assert resolved({"to": ref("page#/x", A)}, origins, {}).labels["to"] == "untrusted"
    assert resolved({"to": {"deep": [ref("page#/x", A)]}}, origins, {}).labels["to"] == "untrusted"
