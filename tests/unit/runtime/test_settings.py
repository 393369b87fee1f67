from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from core.errors import BadInput
from runtime.settings import Settings, read_settings


def given(monkeypatch: pytest.MonkeyPatch, **changes: str) -> Settings:
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def test_nothing_is_lowered_limited_or_priced_unless_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for blank in (Settings(_env_file=None), given(monkeypatch, AUTONOMY_AUTHORITY="", AUTONOMY_LIMITS=" ")):
        assert (blank.authority, blank.limits, blank.prices) == ({}, {}, {})


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("AUTONOMY_AUTHORITY", "suggest", {"*": "suggest"}),
        ("AUTONOMY_AUTHORITY", '{"save_draft": "observe"}', {"save_draft": "observe"}),
        ("AUTONOMY_LIMITS", '{"steps": 7, "tokens": 0}', {"steps": 7, "tokens": 0}),
        ("AUTONOMY_PRICES", '{"gpt-4.1-mini": [400000, 1600000]}', {"gpt-4.1-mini": (400_000, 1_600_000)}),
    ],
)
def test_a_level_limits_and_prices_are_read(monkeypatch: pytest.MonkeyPatch, name: str, value: str, read: Any) -> None:
    settings = given(monkeypatch, **{name: value})
    assert getattr(settings, name.removeprefix("AUTONOMY_").lower()) == read


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AUTONOMY_AUTHORITY", "total", "AUTONOMY_AUTHORITY"),
        ("AUTONOMY_AUTHORITY", '{"save_draft": "total"}', "AUTONOMY_AUTHORITY"),
        ("AUTONOMY_AUTHORITY", "{", "it is no JSON"),
        ("AUTONOMY_LIMITS", '{"stepz": 1}', "There is no limit stepz, .*there are action_cost, attempts"),
        ("AUTONOMY_LIMITS", '{"steps": -1}', "it is no whole number from 0 on"),
        ("AUTONOMY_LIMITS", '{"steps": "many"}', "it is no whole number from 0 on"),
        ("AUTONOMY_LIMITS", "7", "it is no JSON object"),
        ("AUTONOMY_PRICES", '{"m": [1]}', "AUTONOMY_PRICES"),
        ("AUTONOMY_PRICES", '{"m": [1, -1]}', "the price of m is below zero"),
    ],
)
def test_what_is_wrong_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        given(monkeypatch, **{name: value})
    assert refused.value.exit_code == 2


def test_settings_do_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError):
        given(monkeypatch).limits = {}  # type: ignore[misc]
