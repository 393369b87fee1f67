"""Why a person is asked: the reasons, the score against its threshold, the rule, and what would have passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.presenting import PARTS, would_have_passed
from ui import reading
from ui.frame import told
from ui.markup import Html, element, put, section
from ui.tables import measured
from ui.words import compared, policy


def show(review: Mapping[str, Any]) -> None:
    request = review["request"]
    said = [element("ul", *(element("li", str(line)) for line in request["why"]))]
    if score := request.get("score"):
        said.append(_score(score))
    if request.get("rules") is not None:
        said.append(element("p", element("strong", "Policy: "), policy(request["rules"])))
    with told():
        said += _passing(would_have_passed(request, reading.facts(review), reading.settings().policies))
    put(section("Why you are asked", *said))


def _passing(ways: Sequence[str]) -> list[Html]:
    if not ways:
        return []
    return [element("p", element("strong", "Nobody would have been asked with: "), "; or ".join(ways), ".")]


def _score(score: Mapping[str, Any]) -> Html:
    rows = [measured(label, float(score[name]), f"{score[name]:.2f}") for name, label in PARTS.items()]
    total = measured("score", float(score["total"]), f"{score['total']:.2f}", score.get("threshold"), css="total")
    caption = element("caption", f"0 asks nobody, 1 asks a person; the score is the mean: {compared(score)}.")
    return element("table", caption, element("tbody", *rows, total), css="score")
