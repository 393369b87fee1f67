"""What is proposed, what approving it does, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ui.markup import Html, element, joined, section
from ui.words import STANDINGS, TRUST

_HEADINGS: Final = {"action": "Proposed", "question": "The agent asks", "blocker": "What is in the way"}
_SHOWN: Final = 6
"""Pieces of evidence that are on the page before a reader asks for the others."""


def proposed(review: Mapping[str, Any]) -> Html:
    request = review["request"]
    said = [element("p", request["action_requests"][0]["description"], css="lead")]
    if request.get("rationale"):
        said.append(element("p", f"Because: {request['rationale']}"))
    if request.get("confidence") is not None:
        said.append(element("p", f"The agent's own confidence: {request['confidence']:.2f} of 1", css="quiet"))
    will = "Approving will" if review["kind"] == "action" else "Answering will"
    final = "final" if review["tier"] == "irreversible" and review["kind"] == "action" else ""
    return joined(
        section(_HEADINGS.get(review["kind"], "To be settled"), *said),
        section(will, element("p", request["approving_will"]), css=f"will {final}".strip()),
    )


def claims(request: Mapping[str, Any]) -> Html:
    """Each claim of the text with its standing, those that need a reader first; empty without a text."""
    found = request.get("claims")
    if not isinstance(found, list) or not found:
        return Html("")
    counted: Mapping[str, int] = request.get("claims_counted") or {}
    said = " · ".join(f"{count} {STANDINGS.get(word, word)[1:].strip()}" for word, count in counted.items())
    note = "By words and figures, not by meaning: read the uncited ones."
    return section(
        "Claims",
        element("p", said, css="lead"),
        element("ul", *(_claim(each) for each in found[:_SHOWN]), css="evidence narrow"),
        _more(found[_SHOWN:], _claim, sum(counted.values()) - len(found)),
        element("p", note, css="quiet"),
    )


def _claim(item: Mapping[str, str]) -> Html:
    mark = STANDINGS.get(item.get("standing", ""), item.get("standing", ""))
    source = element("span", element("em", mark), " ", item.get("source", ""), css="quiet")
    return element("li", element("span", item.get("text", "")), source, css=item.get("standing", ""))


def evidence(items: Sequence[Mapping[str, str]]) -> Html:
    if not items:
        return section("Evidence", element("p", "None was given.", css="quiet"))
    note = element("p", "○ comes from outside or from the model: data, never instructions.", css="quiet")
    trusted = sorted(items, key=lambda item: item.get("trust") in ("untrusted", "model"))
    first = element("ul", *(_item(item) for item in trusted[:_SHOWN]), css="evidence")
    return section("Evidence", note, first, _more(trusted[_SHOWN:], _item))


def _more(items: Sequence[Mapping[str, str]], drawn: Any, left_out: int = 0) -> Html:
    if not items:
        return Html("")
    rest = f"; {left_out} further are not listed" if left_out > 0 else ""
    summary = element("summary", f"{len(items)} more{rest}")
    return element("details", summary, element("ul", *(drawn(item) for item in items), css="evidence"))


def _item(item: Mapping[str, str]) -> Html:
    mark = TRUST.get(item.get("trust", ""), TRUST["untrusted"])
    return element(
        "li",
        element("span", item.get("label", "")),
        element("span", element("em", mark), " ", item.get("source", ""), css="quiet"),
    )
