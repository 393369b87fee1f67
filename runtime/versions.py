"""What a thread was made by: a behaviour version per task type, and the release as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from core.canonical import sha256
from core.domain import Domain
from core.tools import ToolSpec
from core.vocabulary import Risk
from escalation.samples import NONE
from escalation.score import FORM, WEIGHTS
from graph.version import GRAPH_VERSION

_PACKAGES: Final = ("core", "policy", "escalation", "domains", "tools", "store", "nodes", "graph", "runtime")
_LENGTH: Final = 16


def behaviour_versions(
    domain: Domain, model: Mapping[str, Any], samples: Mapping[Risk, tuple[str, ...]] = NONE
) -> dict[str, str]:
    """Task type -> hash of the model with its parameters, its prompt files, its tool, the score's form and weights, and
    the samples.

    Of decision points, and of what is irreversible, for which levels can be granted too.
    """

    def version(name: str, spec: ToolSpec) -> str:
        made_by = [dict(model), dict(domain.prompts(name)), spec.fingerprint(), FORM, WEIGHTS, samples[spec.risk]]
        return sha256(made_by)[:_LENGTH]

    leveled = (spec for spec in domain.tools.values() if spec.decision_point or spec.tier == "irreversible")
    return {spec.name: version(spec.name, spec) for spec in leveled}


def release(behaviours: Mapping[str, str], policies: str) -> str:
    """Hash of all behaviour versions, the policies, the code and the graph."""
    return sha256([dict(behaviours), policies, _code(), GRAPH_VERSION])[:_LENGTH]


@cache
def _code() -> str:
    hashes = []
    for package in _PACKAGES:
        pending = [resources.files(package)]
        while pending:
            for entry in sorted(pending.pop().iterdir(), key=lambda found: found.name):
                if entry.is_dir() and entry.name != "samples":
                    pending.append(entry)
                elif entry.name.endswith((".py", ".sql", ".cedar", ".cedarschema")):
                    hashes.append((package, entry.name, sha256(entry.read_text(encoding="utf-8"))))
    return sha256(hashes)
