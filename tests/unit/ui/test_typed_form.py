from __future__ import annotations

from domains.seo.schemas import SetIntentArguments, SetOutlineArguments
from ui.typed_form import fields, rebuilt, shown

INTENT = {
    "distribution": {"informational": 0.3, "commercial": 0.5, "transactional": 0.2, "navigational": 0},
    "format": "list",
    "reader": "A founder",
    "because": "Lists lead.",
}
OUTLINE = {
    "title": "CRMs",
    "sections": [{"heading": f"Part {place}", "purpose": "Know", "questions": ["Why?", "How?"]} for place in range(3)],
}


def test_each_kind_of_argument_gets_its_kind_of_field() -> None:
    known = {field.key: field for field in fields(SetIntentArguments.model_json_schema(), INTENT)}
    assert [known[key].kind for key in ("distribution.commercial", "format", "reader", "because")] == [
        "number",
        "choice",
        "text",
        "text",
    ]
    assert (known["distribution.commercial"].least, known["distribution.commercial"].most) == (0, 1)
    assert "list" in known["format"].options
    assert known["distribution.commercial"].label == "distribution · commercial"


def test_what_is_typed_comes_back_in_its_place_and_nothing_else_changes() -> None:
    known = fields(SetOutlineArguments.model_json_schema(), OUTLINE)
    untouched = {field.key: shown(field) for field in known}
    assert rebuilt(OUTLINE, untouched, known) == OUTLINE
    made = rebuilt(OUTLINE, untouched | {"sections.1.heading": "Costs", "sections.2.questions": "One?\n\nTwo?"}, known)
    assert made["sections"][1]["heading"] == "Costs"
    assert made["sections"][2]["questions"] == ["One?", "Two?"]
    assert made["sections"][0] == OUTLINE["sections"][0]
    assert OUTLINE["sections"][1]["heading"] == "Part 1"


def test_a_whole_number_stays_one() -> None:
    known = fields(SetIntentArguments.model_json_schema(), INTENT)
    made = rebuilt(INTENT, {"distribution.navigational": 0.0, "distribution.commercial": 0.45}, known)
    assert made["distribution"] == INTENT["distribution"] | {"commercial": 0.45}
    assert isinstance(made["distribution"]["navigational"], int)
