"""Bindings of the content pipeline over ports that must not be called."""

from __future__ import annotations

from typing import Any, cast

from core.memory import Recall
from core.ports import CallSite
from domains.seo.domain import SeoDomain
from nodes.bindings import Bindings
from policy.gate import load_gate


class Forgetful:
    """core.ports.Memory of a tenant about which nothing is known."""

    async def recall(self, site: CallSite, words: str) -> Recall:
        return Recall()


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
        memory=Forgetful(),
        gate=load_gate(),
        environment="local",
        authorities=untouched,
        offline=True,
        new_id=lambda: "p",
    )
