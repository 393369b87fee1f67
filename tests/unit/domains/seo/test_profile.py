from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from domains.profiles import LARGEST
from domains.seo.profile import Profile, parse_profile
from tests.unit.domains.seo.walk import ROOT, example_profile

NAME = "profiles/x.yaml"


def text_of(**changes: Any) -> str:
    data = {**example_profile(), **changes}
    """JSON, which is YAML too and never uses an alias."""
    return json.dumps({key: value for key, value in data.items() if value is not ...})


def refusal(text: str) -> str:
    with pytest.raises(BadInput) as raised:
        parse_profile(text, NAME)
    message = str(raised.value)
    assert message.startswith(f"{NAME}: ")
    assert "\n" not in message
    return message


def test_the_example_is_a_full_profile() -> None:
    profile = parse_profile((ROOT / "profiles" / "example.yaml").read_text("utf-8"), NAME)
    assert len(profile.positions) == 6
    assert all(position.evidence for position in profile.positions)
    assert ".example" in profile.site
    assert Profile.model_validate(profile.to_json()) == profile


def test_every_problem_is_named_by_its_place_in_one_line() -> None:
    position = {"id": "a", "claim": "c", "evidence": []}
    message = refusal(text_of(icp={"pains": ["p"]}, positions=[position]))
    assert message == f"{NAME}: icp.who is missing; positions[0].evidence must have at least one entry"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"company": ...}, "company is missing"),
        ({"company": 7}, "company must be text; put 7 in quotes"),
        ({"company": None}, "company must be text, but it is empty"),
        ({"company": "  "}, "company is empty"),
        ({"company": "x" * 201}, "company is longer than 200 characters"),
        ({"id": "Not A Slug"}, "id must be lower-case letters"),
        ({"site": "http://a.example"}, "site must be an address that starts with https://"),
        ({"site": "https://me:secret@a.example"}, "site must be an address"),
        ({"icp": "founders"}, "icp must be a mapping"),
        ({"positions": {"a": 1}}, "positions must be a list"),
        ({"calls_to_action": []}, "calls_to_action must have at least one entry"),
        ({"colour": "red"}, "colour is not a field of a profile"),
        ({"forbidden_claims": [1]}, "forbidden_claims[0] must be text; put 1 in quotes"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_should_be(changes: dict[str, Any], says: str) -> None:
    assert says in refusal(text_of(**changes))


def test_the_same_position_twice_is_refused() -> None:
    position = {"id": "a", "claim": "c", "evidence": [{"what": "w", "source": "s"}]}
    assert "use the id 'a' more than once" in refusal(text_of(positions=[position, position]))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must be a mapping"),
        ("- a\n- b", "must be a mapping"),
        ("just words", "must be a mapping"),
        ("a: [1, 2", "not YAML; line"),
        ("a: b: c", "not YAML; line 1"),
        ("\t- x", "not YAML"),
        ("a: \x00", "not YAML"),
        ("x: !!python/object/apply:os.system [ls]", "not YAML"),
        ("x: 2026-13-45", "a value cannot be read"),
        ("a: &a [x]\nb: *a", "line 2 uses a YAML alias (*a)"),
        ("[" * 500 + "]" * 500, "nested deeper than"),
        ("a: 1\n---\nb: 2", "not YAML"),
    ],
)
def test_what_is_no_profile_is_refused_with_the_cause(text: str, says: str) -> None:
    assert says in refusal(text)


def test_an_alias_bomb_is_refused_before_it_expands() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
    assert "uses a YAML alias" in refusal(bomb)


def test_a_file_that_is_too_large_is_refused_by_its_size() -> None:
    assert "larger than 200 KB" in refusal("# " + "x" * LARGEST)


def test_a_hundred_problems_are_counted_not_listed() -> None:
    message = refusal(text_of(forbidden_claims=list(range(60))))
    assert message.endswith("and 52 more")


@given(st.text(max_size=200))
def test_any_text_is_a_profile_or_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        parse_profile(text, NAME)
