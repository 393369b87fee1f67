"""The facts of one call: everything a policy may ask about."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from core.vocabulary import Authority, Environment, Risk, Tier


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of one call, as the schema in rules/schema.cedarschema names them."""

    domain: str
    tool: str
    tenant: str
    environment: Environment
    authority: Authority
    model: Literal["offline", "remote"]
    tier: Tier
    risk: Risk
    approved: bool

    def context(self) -> dict[str, Any]:
        facts = asdict(self)
        del facts["domain"], facts["tool"]
        return facts


def authority_in(environment: Environment) -> Authority:
    """Authority where nothing is certified yet: `local` executes, so that a newcomer can approve and publish."""
    return "execute" if environment == "local" else "suggest"
