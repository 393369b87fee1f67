"""A model server over real HTTP that follows a script: the choices in order, and one self-report for every question."""

from __future__ import annotations

import json
from typing import Any

from llmock.scenarios import Match, Reply, ToolCall

MODEL = "gpt-4.1-mini"
SOURCE = "https://bramblecroft.example/insights/choose-a-crm-for-your-startup"

INTENT = {
    "distribution": {"informational": 0.6, "commercial": 0.4, "transactional": 0.0, "navigational": 0.0},
    "format": "guide",
    "reader": "A founder who is about to buy a first CRM",
    "because": "The guides answer what the lists leave open.",
}
ANGLE = {
    "angle": "Choose the CRM for the handover, not for the pipeline",
    "differs_because": "The results compare features; none follows the customer past the sale.",
    "position_id": "churn-starts-in-sales",
    "reader": "Founders of companies with 3 to 30 people",
}
OUTLINE = {
    "title": "CRM for startups: a guide to choosing for the handover",
    "sections": [
        {"heading": "When a startup needs a CRM", "purpose": "Decide whether now is the time", "questions": []},
        {"heading": "How to choose one", "purpose": "Get to one decision", "questions": []},
        {"heading": "What it costs to switch", "purpose": "Know the price of waiting", "questions": []},
    ],
}


def section(index: int, markdown: str) -> tuple[str, dict[str, Any]]:
    citations = [{"claim": "what the guide says", "url": SOURCE}]
    return "write_section", {"index": index, "markdown": markdown, "citations": citations}


def script(llmock: Any, *choices: tuple[str, dict[str, Any]], confidence: float = 0.8) -> None:
    """Queue `choices`; leave out bound arguments."""
    for name, arguments in choices:
        llmock.add(Reply(tool_calls=(ToolCall(name, arguments),), match=Match(tools=True)))
    report = {
        "rationale": "The guides agree on it.",
        "confidence": confidence,
        "unresolved_assumptions": ["that the searcher has not bought yet"],
        "evidence": [SOURCE],
    }
    llmock.add(Reply(text=json.dumps(report), times=None, match=Match(tools=False)))


def endpoint(llmock: Any) -> dict[str, str]:
    """Settings that lead to the scripted model."""
    return {
        "OPENAI_BASE_URL": llmock.base_url(), "OPENAI_API_KEY": "sk-test-key-123456", "AUTONOMY_MODEL": MODEL,
        "AUTONOMY_SAMPLES": "off",
    }  # fmt: skip


WRITTEN = (
    section(
        0,
        "Choose the CRM for the handover, not for the pipeline. Of 73 customers we lost within six months, 44 named an "
        "expectation set before signing that nobody handed over. Founders lose deals because nobody remembers to "
        f"follow up, and the guides say little about it ([guide]({SOURCE})). A CRM earns its place once two people "
        "share customers.",
    ),
    section(
        1,
        "Write down what was promised, then pick the tool that keeps it. The founder's inbox is the only record of "
        "what was promised to a customer until the day it is not. Tallyho fills itself from email and calendar and "
        "shows each morning which promises are due, so the handover from sales to delivery has a record everybody "
        "can read.",
    ),
    section(
        2,
        "Switching tools loses the notes, and the notes were the valuable part. Export everything before you decide, "
        "count the hours of typing, and ask who reads the record after the sale. With a written handover the share "
        "that left in the first half-year fell from 9.8 % to 5.6 % in our own cohort.",
    ),
)
DRAFT = ("save_draft", {"title": OUTLINE["title"], "description": "How founders choose a first CRM for the handover."})
PUBLISH = ("publish_content", {"title": OUTLINE["title"], "description": DRAFT[1]["description"]})
DECIDED = (("set_intent", INTENT), ("set_angle", ANGLE), ("set_outline", OUTLINE))
WHOLE_ARTICLE = (*DECIDED, *WRITTEN, ("check_article", {}), DRAFT, PUBLISH)
