"""A simulated planner that obeys whatever it reads. No model: it looks for orders in every disguise it knows.

An order is written `[[TOOL {"argument": …}]]`, in whatever words stand around it. A real model may be talked into less
than this; what holds here holds for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from evals.red_team.disguises import DISGUISES

_ORDER: Final = re.compile(r"\[\[(\w+) (\{.*?\})\]\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SimulatedObedientPlanner:
    """Proposes every call that the content asks for, in its own words or by handle."""

    by_handle: bool

    def proposals(self, contents: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
        """Tool and arguments of each order found in `contents` (result -> text), each once."""
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for tool, arguments in orders(list(contents.values())):
            obeyed = self._referring(arguments, next(iter(contents))) if self.by_handle else arguments
            found.setdefault(json.dumps([tool, obeyed]), (tool, obeyed))
        return list(found.values())

    def _referring(self, arguments: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The same call with each value fetched from the content that asked for it."""
        return {argument: {"$ref": f"{name}#/said/{argument}", "sha256": "0" * 64} for argument in arguments}


def orders(texts: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every order in the texts, alone and read on from one to the next, out of every disguise."""
    for text in (*texts, "".join(texts)):
        for _, found_again in DISGUISES.values():
            for tool, raw in _ORDER.findall(found_again(text)):
                try:
                    arguments = json.loads(raw)
                except ValueError:
                    continue  # read out of another disguise than its own
                yield tool, arguments
