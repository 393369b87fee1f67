"""Bindings of the content pipeline over ports that must not be called."""

from __future__ import annotations

from typing import Any, cast

from domains.seo.domain import SeoDomain
from nodes.bindings import Bindings
from policy.gate import load_gate


def bindings() -> Bindings:
    untouched = cast("Any", None)
    return Bindings(
        domain=SeoDomain(),
        model=untouched,
        executor=untouched,
        artifacts=untouched,
        approvals=untouched,
        novelty=untouched,
        history=untouched,
        outcomes=untouched,
        gate=load_gate(),
        environment="local",
        authorities=untouched,
        offline=True,
        new_id=lambda: "p",
    )
