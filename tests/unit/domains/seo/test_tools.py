from __future__ import annotations

import pytest
from pydantic import ValidationError

from core.domain import Card, Domain
from domains.seo.domain import SeoDomain
from domains.seo.tools import TOOLS

DOMAIN: Domain = SeoDomain()
"""Assigned to the protocol, so that the type checker compares them."""

READS = {"search_serp", "fetch_pages", "check_article", "ask_human"}
DECISIONS = {"set_intent", "set_angle", "set_outline", "save_draft"}


def test_the_card_says_everything() -> None:
    assert all(getattr(DOMAIN.card, name) for name in Card.__slots__)


def test_tiers_costs_and_attempts_follow_one_rule() -> None:
    for name, spec in TOOLS.items():
        assert spec.name == name
        assert (spec.tier == "read-only") == (name in READS)
        assert (spec.cost, spec.attempts) == {
            "read-only": (1, 3), "reversible": (2, 1), "irreversible": (100, 1),
        }[spec.tier]  # fmt: skip
        assert spec.decision_point == (name in DECISIONS)
    assert [name for name, spec in TOOLS.items() if spec.tier == "irreversible"] == ["publish_content"]
    assert TOOLS["publish_content"].rejection_is_final


def test_a_publication_is_identified_by_site_and_slug_and_nothing_else() -> None:
    arguments = {"slug": "a", "site": "https://x.example", "title": "one"}
    publish = TOOLS["publish_content"]
    key = publish.operation_key("t", "thread", "p1", arguments)
    assert key == publish.operation_key("t", "other thread", "p2", {**arguments, "title": "two"})
    assert key != publish.operation_key("t", "thread", "p1", {**arguments, "slug": "b"})
    assert key != publish.operation_key("other tenant", "thread", "p1", arguments)


def test_each_saved_draft_is_an_operation_of_its_own() -> None:
    """A draft is saved again after a revision, and a used key never runs another request."""
    draft = TOOLS["save_draft"]
    assert draft.operation_key("t", "thread", "p1", {}) != draft.operation_key("t", "thread", "p2", {})


def test_bound_arguments_are_not_offered_to_the_model() -> None:
    for spec in TOOLS.values():
        assert not set(spec.bindings) & set(spec.model_schema()["properties"])
        assert set(spec.bindings) <= set(spec.arguments.model_fields)


def test_the_name_of_a_section_carries_its_number() -> None:
    assert TOOLS["write_section"].produced_name({"index": 3}) == "section:3"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (
            "set_intent",
            {"distribution": dict.fromkeys(["informational", "commercial", "transactional", "navigational"], 0.5)},
        ),
        ("set_outline", {"title": "t", "sections": [{"heading": "h", "purpose": "p", "questions": []}] * 2}),
        ("set_outline", {"title": "t", "sections": [{"heading": "h", "purpose": "p", "questions": []}] * 13}),
        ("write_section", {"index": 0, "markdown": "  ", "citations": []}),
        ("write_section", {"index": -1, "markdown": "x", "citations": []}),
        ("write_section", {"index": 0, "markdown": "x", "citations": [], "publish": True}),
        ("ask_human", {"question": "q", "why": "w", "options": ["x"] * 6}),
        ("fetch_pages", {"serp_sha256": "0" * 64, "at_most": 21}),
        ("save_draft", {"title": "t", "description": "d" * 301, "slug": "s", "article_sha256": "0" * 64}),
        ("save_draft", {"title": "t", "description": "d", "slug": "../etc", "article_sha256": "0" * 64}),
    ],
)
def test_arguments_outside_their_bounds_are_refused(tool: str, arguments: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TOOLS[tool].arguments.model_validate(arguments)
