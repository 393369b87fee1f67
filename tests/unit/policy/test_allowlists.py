from __future__ import annotations

from typing import Any

import pytest

from core.tools import Allowlist
from policy.allowlists import on_list

TASK = {"site": "https://www.acme.example", "customer": "kim@acme.example"}


@pytest.mark.parametrize(
    ("kind", "entry", "value", "fits"),
    [
        ("host", "acme.example", "https://acme.example/a", True),
        ("host", "acme.example", "https://www.acme.example:8443/a", True),
        ("host", "task:site", "https://www.acme.example/x", True),
        ("host", "task:missing", "https://www.acme.example/x", False),
        ("host", "acme.example", "https://acme.example.evil.example/", False),
        ("host", "acme.example", "https://notacme.example/", False),
        ("host", "acme.example", "https://acme.example@evil.example/", False),
        ("host", "acme.example", "https://evil.example\\@acme.example/", False),
        ("host", "acme.example", "https://evil.example/\tacme.example", False),
        ("host", "acme.example", "https://аcme.example/", False),
        ("host", "acme.example", "https://user:secret@acme.example/", False),
        ("host", "acme.example", "https://acme.example/caf\u00e9", False),
        ("host", "acme.example", "javascript://acme.example/%0aalert(1)", False),
        ("host", "acme.example", "//acme.example", False),
        ("host", "acme.example", "https://[acme.example", False),
        ("recipient", "kim@acme.example", "Kim@ACME.example", True),
        ("recipient", "@acme.example", "anyone@acme.example", True),
        ("recipient", "task:customer", "kim@acme.example", True),
        ("recipient", "@acme.example", "anyone@acme.example.evil.example", False),
        ("recipient", "@acme.example", "eve@evil.example,kim@acme.example", False),
        ("recipient", "@acme.example", "eve@evil.example <kim@acme.example>", False),
        ("recipient", "@acme.example", "kim@аcme.example", False),
        ("path", "/srv/out", "/srv/out/a/b.md", True),
        ("path", "/srv/out", "/srv/out", True),
        ("path", "/srv/out", "/srv/outside", False),
        ("path", "/srv/out", "/srv/out/../etc/passwd", False),
        ("path", "/srv/out", "/srv/out/..\\x", False),
        ("value", "EUR", "EUR", True),
        ("value", "EUR", "eur", False),
        ("value", "5", 5, False),
        ("value", "EUR", None, False),
        ("value", "EUR", [], False),
        ("value", "EUR", ["EUR", "EUR"], True),
        ("value", "EUR", ["EUR", "USD"], False),
    ],
)
def test_only_what_is_surely_on_the_list_passes(kind: Any, entry: str, value: Any, fits: bool) -> None:
    assert on_list(Allowlist(kind, (entry,)), value, TASK) is fits
