"""A review as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.padding import Padding
from rich.table import Table

from cli.console import out, program, safe


def print_review(review: Mapping[str, Any]) -> None:
    """Why a person is asked, what is proposed, what approving does, and how to answer."""
    request, console = review["request"], out()
    asked = request["action_requests"][0]
    console.print()
    console.print(safe(f"  {_title(review)}   review r-{review['number']}"), style="bold")
    for line in request["why"]:
        console.print(Padding(safe(line), (0, 0, 0, 4), expand=False))
    if score := request.get("score"):
        parts = (
            f"score parts   low confidence {score['low_confidence']:.2f} · novelty {score['novelty']:.2f} · "
            f"history {score['historical_need']:.2f}   (each 0 to 1, 1 = ask)"
        )
        console.print(Padding(safe(parts), (0, 0, 0, 4), expand=False), style="dim")
    _labelled("Proposed", asked["description"] if review["kind"] == "action" else asked["name"])
    if request.get("rationale"):
        _labelled("Because", request["rationale"])
    if request["evidence"]:
        _labelled("Evidence", "what comes from outside is marked ○ untrusted")
    for item in request["evidence"]:
        console.print(
            Padding(safe(f"{'○' if item['trust'] == 'untrusted' else '●'} {item['label']}"), (0, 0, 0, 6), expand=False)
        )
    _labelled("Approving will" if review["kind"] == "action" else "Answering will", request["approving_will"])
    console.print()
    for line in _commands(review):
        console.print(safe(f"  {line}"))
    console.print(safe(f"  {program()} console                http://127.0.0.1:8501/review?id=r-{review['number']}"))


def _title(review: Mapping[str, Any]) -> str:
    titles = {"action": "Why you are asked", "question": "The agent asks", "conflict": "What is true?"}
    return titles.get(review["kind"], "What is in the way")


def _labelled(label: str, text: str) -> None:
    console = out()
    console.print()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=14)
    grid.add_column(overflow="fold")
    grid.add_row(safe(label), safe(text))
    console.print(Padding(grid, (0, 0, 0, 2), expand=False))


def _commands(review: Mapping[str, Any]) -> list[str]:
    name, request = f"r-{review['number']}", review["request"]
    if review["kind"] == "blocker":
        back = f"{program()} hand-back {name} --result TEXT|FILE        what you did, and the agent goes on"
        return [f"{program()} take-over {name}", back, f"{program()} decide {name} respond --message abandon"]
    if choices := request.get("choices"):
        return [f"{program()} decide {name} respond --message {choice}" for choice in choices]
    allowed = request["review_configs"][0]["allowed_decisions"]
    if allowed == ["respond"]:
        return [f'{program()} decide {name} respond --message "…"']
    others = [answer for answer in allowed if answer != allowed[0]]
    return [f"{program()} decide {name} {allowed[0]}        ({', '.join(others)}: see decide --help)"]
