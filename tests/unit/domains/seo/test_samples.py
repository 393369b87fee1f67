"""The whole pipeline over each bundled sample, played without a graph."""

from __future__ import annotations

import pytest

from core.actions import Proposal
from domains.seo.text import squeezed
from tests.unit.domains.seo.walk import DOMAIN, bench_for, sample_slugs, sample_world

DECISIONS = ("set_intent", "set_angle", "set_outline", "save_draft")


@pytest.mark.parametrize("slug", sample_slugs())
def test_a_bundled_keyword_goes_all_the_way_to_a_draft(slug: str) -> None:
    serp, pages = sample_world(slug)
    bench, outside = bench_for(serp, pages)
    proposals: list[Proposal] = []
    actions = bench.walk(outside, proposals.append)

    assert actions[:2] == ["search_serp", "fetch_pages"]
    assert actions[-1] == "save_draft"
    assert [action for action in actions if DOMAIN.tools[action].decision_point] == list(DECISIONS)
    by_url = {entry["url"]: text for entry, texts in pages for text in texts.values()}
    claims = [c for p in proposals if p.action == "write_section" for c in p.arguments["citations"]]
    assert len(claims) >= 10
    assert len({claim["claim"] for claim in claims}) == len(claims)
    assert all(claim["claim"] in by_url[claim["url"]] for claim in claims)
    assert not [p for p in bench.content["check"]["problems"] if p["measure"] in {"citation", "structure", "angle"}]


@pytest.mark.parametrize(
    ("slug", "position"),
    [
        ("crm-for-startups", "second-crm"),
        ("what-is-churn-rate", "churn-starts-in-sales"),
        ("how-to-write-a-statement-of-work", "written-agreements"),
    ],
)
def test_the_angle_has_to_do_with_the_keyword(slug: str, position: str) -> None:
    serp, pages = sample_world(slug)
    bench, outside = bench_for(serp, pages)
    assert bench.walk_until("set_angle", outside).propose()[1]["position_id"] == position


@pytest.mark.parametrize("slug", sample_slugs())
def test_a_bundled_keyword_gets_an_outline_without_repetition(slug: str) -> None:
    serp, pages = sample_world(slug)
    bench, outside = bench_for(serp, pages)
    bench.walk_until("write_section", outside)
    headings = [squeezed(section["heading"]) for section in bench.content["outline"]["sections"]]
    assert len(headings) == len(set(headings))
    assert 5 <= len(headings) <= 9
    assert not any("$" in heading for heading in headings)
